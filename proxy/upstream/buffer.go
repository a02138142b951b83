package upstream

import (
	"sync"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A buffer is the memory for an exchange with a process. The same few, warm in the cache, serve all.
type buffer struct {
	res  wire.Response
	in   []byte // the app's bytes: in[at:have] are not used up yet
	at   int
	have int
	out  []byte // the request
}

// bufferSize is two records of TLS, less what framing adds to it on the way to a client: the heads of two frames
// of HTTP/2, or the size line of a chunk. A third record for a few bytes would cost as much as a full one.
const bufferSize = 2 * (sock.Record - 9)

var buffers = sync.Pool{New: func() any {
	return &buffer{in: make([]byte, bufferSize), out: make([]byte, 0, bufferSize)}
}}

func (a *Ask) borrow() *buffer {
	if a.buf == nil {
		a.buf = buffers.Get().(*buffer)
		a.buf.at, a.buf.have = 0, 0
	}
	return a.buf
}

func (a *Ask) drop() {
	b := a.buf
	if b == nil {
		return
	}
	a.buf = nil
	if len(b.in) == bufferSize && cap(b.out) <= 4*bufferSize { // a larger one is not kept
		buffers.Put(b)
	}
}

// Space makes an Ask the lender of memory for the app's bytes.
func (a *Ask) Space() []byte {
	b := a.borrow()
	switch {
	case b.at == b.have:
		b.at, b.have = 0, 0
	case b.have < len(b.in):
	case b.at > 0:
		b.have = copy(b.in, b.in[b.at:b.have])
		b.at = 0
	default:
		grown := make([]byte, 2*len(b.in))
		copy(grown, b.in)
		b.in = grown
	}
	return b.in[b.have:]
}

// Unused gives the memory back unless it holds bytes that are not used up.
func (a *Ask) Unused() {
	if a.buf.at == a.buf.have {
		a.drop()
	}
}
