package coding

import (
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An Encoder encodes one content after the other, into memory.
type Encoder struct {
	writer writer
	pool   *Pool
	out    []byte
}

type writer interface {
	io.WriteCloser
	Flush() error
	Reset(to io.Writer)
}

// window is how far back an encoder looks. Pages are smaller; each encoder holds as much in memory.
const window = 18 // bits: 256 KiB

// newWriter makes an encoder. It is slow: its memory is cleared.
func newWriter(c Coding, level int) (w writer, err error) {
	switch c {
	case Gzip:
		w, err = gzip.NewWriterLevel(nil, level)
	case Brotli:
		w = brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: level, LGWin: window})
	case Zstd:
		w, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithWindowSize(1<<window),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	default:
		err = fmt.Errorf("%s is not encoded", c)
	}
	return w, err
}

func (e *Encoder) begin() {
	e.out = e.out[:0]
	e.writer.Reset((*gathered)(e))
}

// Write encodes more.
func (e *Encoder) Write(p []byte) {
	_, err := e.writer.Write(p)
	mustBe(err)
}

// Flush has all that was written come out.
func (e *Encoder) Flush() { mustBe(e.writer.Flush()) }

// Close ends the content.
func (e *Encoder) Close() { mustBe(e.writer.Close()) }

// Take returns what has come out since the last time. It lives until more is written.
func (e *Encoder) Take() []byte {
	out := e.out
	e.out = e.out[:0]
	return out
}

// Free gives the encoder back, whatever it was at.
func (e *Encoder) Free() { e.pool.takeBack(e) }

// mustBe holds what writers to memory promise.
func mustBe(err error) {
	if err != nil {
		panic(fmt.Sprintf("BUG: an encoder fails: %v", err))
	}
}

// gathered is an encoder as what its output is written to.
type gathered Encoder

func (g *gathered) Write(p []byte) (int, error) {
	g.out = append(g.out, p...)
	return len(p), nil
}
