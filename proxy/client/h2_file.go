package client

import (
	"os"
	"sync"

	"purser/proxy/sock"
)

// SendFile reads the file: what others send goes out between two of its pieces.
func (c *h2Call) SendFile(f *os.File, from, n int64) (sent int64, err error) {
	a := &c.answer
	var rest []byte
	if rest, a.err = c.sendNow(a.content(), false, nil); len(rest) > 0 {
		a.box = c.newOutbox(rest)
	}
	a.giveBack()
	if a.finishBox(); a.err != nil {
		return 0, ErrGone
	}
	start, begun := c.all.clock().Now(), int64(0)
	for sent < n {
		most, gone := c.Await(start, sent-begun)
		if a.err = gone; gone != nil {
			return sent, ErrGone
		}
		m, err := c.sendPiece(f, from+sent, min(n-sent, int64(most), filePiece))
		if sent += int64(m); err != nil {
			a.err = err
			return sent, err
		}
		if sent-begun >= filePiece {
			start, begun = c.all.clock().Now(), sent
		}
	}
	return sent, nil
}

const filePiece = 2 * mostContent

var filePieces = sync.Pool{New: func() any { return new([filePiece]byte) }}

// sendPiece sends as much of a piece of a file as goes without waiting. What does not is read again.
func (c *h2Call) sendPiece(f *os.File, from, n int64) (int, error) {
	b := filePieces.Get().(*[filePiece]byte)
	defer filePieces.Put(b)
	m, err := f.ReadAt(b[:n], from)
	if m == 0 {
		return 0, err
	}
	sock.Compute(c.all.out.sock.Flow)
	defer sock.Computed()
	return c.Take(b[:m])
}
