package coding

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decoder reads what an encoder of that coding writes.
func decoder(t testing.TB, c Coding, from io.Reader) io.Reader {
	t.Helper()
	switch c {
	case Gzip:
		r, err := gzip.NewReader(from)
		if err != nil {
			t.Fatal(err)
		}
		return r
	case Zstd:
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	return brotli.NewReader(from)
}

func lend(t testing.TB, p *Pool) *Encoder {
	t.Helper()
	e := p.Lend()
	if e == nil {
		t.Fatal("no encoder is lent")
	}
	return e
}

// levels are the least and the most of each, and the defaults.
var levels = map[Coding][]int{Gzip: {1, 3, 9}, Brotli: {0, 2, 11}, Zstd: {1, 3, 22}}

func TestWhatWasFlushedCanBeReadAtOnce(t *testing.T) {
	var pools Pools
	for c, of := range levels {
		for _, level := range of {
			t.Run(fmt.Sprint(c, level), func(t *testing.T) {
				e := lend(t, pools.Of(c, level))
				defer e.Free()
				way, in := io.Pipe()
				defer way.Close()
				pieces := make(chan string)
				go func() {
					defer in.Close()
					for piece := range pieces {
						e.Write([]byte(piece))
						e.Flush()
						_, _ = in.Write(e.Take())
					}
					e.Close()
					_, _ = in.Write(e.Take())
				}()
				var out io.Reader
				for _, piece := range []string{"first", " and second", " and third"} {
					pieces <- piece
					if out == nil {
						out = decoder(t, c, way)
					}
					got := make([]byte, len(piece))
					if _, err := io.ReadFull(out, got); err != nil || string(got) != piece {
						t.Fatalf("got %q, %v, want %q", got, err, piece)
					}
				}
				close(pieces)
				if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
					t.Errorf("%q and %v follow", rest, err)
				}
			})
		}
	}
}

func TestAnEncoderForgetsWhatItWasAt(t *testing.T) {
	var pools Pools
	for c := range levels {
		p := pools.Of(c, 2)
		e := lend(t, p)
		e.Write(bytes.Repeat([]byte("secret of somebody else "), 10_000))
		e.Free() // in the middle
		e.begin()
		e.Write([]byte("mine"))
		e.Close()
		if got, err := io.ReadAll(decoder(t, c, bytes.NewReader(e.Take()))); err != nil || string(got) != "mine" {
			t.Errorf("%s: got %q, %v", c, got, err)
		}
	}
}

func TestOnlySoManyEncodersAreInUse(t *testing.T) {
	var pools Pools
	p := pools.Of(Gzip, 1)
	if pools.Of(Gzip, 1) != p || pools.Of(Gzip, 2) == p {
		t.Error("a kind has not one pool of its own")
	}
	first := lend(t, p)
	pools.lent.Store(mostLent)
	if p.Lend() != nil || pools.Of(Zstd, 1).Lend() != nil {
		t.Error("one more is lent than may be in use")
	}
	first.Free()
	lend(t, p).Free()
}

func TestNextToNothingIsAllocatedForAPage(t *testing.T) {
	var pools Pools
	page := bytes.Repeat([]byte("<p>a page with some text</p>\n"), 700)
	for _, c := range []Coding{Gzip, Zstd, Brotli} {
		e := lend(t, pools.Of(c, 2))
		once := func() {
			e.begin()
			e.Write(page)
			e.Close()
			_ = e.Take()
		}
		once()
		if n := testing.AllocsPerRun(50, once); n > 1 { // brotli builds one code anew
			t.Errorf("%s: %v allocations", c, n)
		}
		e.Free()
	}
}

// FuzzRoundTrip writes content in pieces, some of them flushed, and reads it back.
func FuzzRoundTrip(f *testing.F) {
	noise := make([]byte, 70<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, seed := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("ab"), 1000), bytes.Repeat([]byte{0}, 300<<10), noise} {
		f.Add(seed, uint8(1), uint16(7), uint8(2))
		f.Add(seed, uint8(2), uint16(30_000), uint8(1))
		f.Add(seed, uint8(3), uint16(65_535), uint8(0))
	}
	var pools Pools
	f.Fuzz(func(t *testing.T, content []byte, coding uint8, piece uint16, flushes uint8) {
		c := Coding(coding%uint8(count-1)) + 1
		e := lend(t, pools.Of(c, 1+int(flushes)%3))
		defer e.Free()
		var encoded bytes.Buffer
		for i, rest := 0, content; len(rest) > 0; i++ {
			n := min(len(rest), max(1, int(piece), len(content)/64))
			e.Write(rest[:n])
			if rest = rest[n:]; flushes > 0 && i%int(flushes) == 0 {
				e.Flush()
			}
			encoded.Write(e.Take())
		}
		e.Close()
		encoded.Write(e.Take())
		if got, err := io.ReadAll(decoder(t, c, &encoded)); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%s: %d bytes came back, and %v, of %d", c, len(got), err, len(content))
		}
	})
}
