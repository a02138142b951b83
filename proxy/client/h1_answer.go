package client

import (
	"cmp"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// An h1Answer is how far an answer is.
type h1Answer struct {
	out    *outBuffer // what is gathered; nil while there is nothing
	box    *spool.Outbox
	end    wire.End
	unread int64 // what may wait for the client; 0 = the usual
	direct bool  // nothing waits in a file for the client
	begun  bool
	keep   bool // the connection can carry another request
	last   bool // it must not
	cut    bool
	err    error // of writing
}

// An outBuffer gathers what is to be written, so that the same few, warm in the cache, serve all
// connections.
type outBuffer struct{ b []byte }

const (
	outSpace  = 40 << 10  // a head, and what is read from an app at once
	mostSpace = 128 << 10 // a larger one is not kept
)

var outBuffers = sync.Pool{New: func() any { return &outBuffer{make([]byte, 0, outSpace)} }}

// space borrows the memory to gather in.
func (a *h1Answer) space() []byte {
	if a.out == nil {
		a.out = outBuffers.Get().(*outBuffer)
	}
	return a.out.b
}

func (a *h1Answer) giveBack() {
	if a.out != nil {
		if a.out.b = a.out.b[:0]; cap(a.out.b) <= mostSpace {
			outBuffers.Put(a.out)
		}
		a.out = nil
	}
}

func (a *h1Answer) reset() {
	a.giveBack()
	*a = h1Answer{}
}

// goesOn reports whether the connection can carry another request after this one. A server that has begun to retire
// since the answer said so stands by that: the next request may be on its way.
func (c *h1Call) goesOn() bool {
	a, set := &c.answer, c.conn.set
	return a.begun && a.keep && !a.cut && a.err == nil && (!set.stopping.Load() || set.retiring.Load())
}

// broken reports whether the answer is not whole, or was not taken.
func (c *h1Call) broken() bool { return c.answer.cut || c.answer.err != nil }

// unread reports whether the client may still be sending what nobody reads, be it a further request, and
// has an answer to read.
func (c *h1Call) unread() bool {
	a := &c.answer
	return a.begun && !a.cut && a.err == nil && (!c.whole || c.next < c.have || !c.conn.sock.Quiet())
}

// Interim passes 102 and 103 on to clients that can take them (RFC 9110 section 15.2).
func (c *h1Call) Interim(h *wire.ResponseHead) {
	if c.req.Minor == 0 {
		return
	}
	a := &c.answer
	b := h.Append(a.space(), wire.Unsaid, 0, wire.GoesOn, nil)
	_ = c.conn.write(b) // a client that is gone is noticed at the answer
	a.giveBack()
}

// Begin decides how the answer is framed, and whether the connection can go on.
func (c *h1Call) Begin(h *wire.ResponseHead, length int64) {
	a := &c.answer
	a.begun = true
	c.stream.settle()
	a.end = c.framing(h.Status, length)
	a.keep = a.end != wire.ByClose && c.whole && !a.last && !c.req.Close && !c.conn.set.stopping.Load() && !c.conn.limits().reached(int(c.conn.answered))
	if c.req.WebSocketKey != nil && c.next < c.have {
		a.keep = false // what follows a refused upgrade may be anything but a request
	}
	p := wire.GoesOn
	switch {
	case !a.keep:
		p = wire.Closes
	case c.req.Minor == 0:
		p = wire.GoesOnInHTTP10
	}
	b := a.space()
	a.out.b = h.Append(b, a.end, length, p, c.conn.clock().Stamp().Header)
}

// framing decides how the end of the answer is told (RFC 9112 section 6). A length of what has no
// content is still told, but for 204 (RFC 9110 section 8.6).
func (c *h1Call) framing(status int, length int64) wire.End {
	switch empty := c.req.IsHead() || status == 204 || status == 304; {
	case status == 204, empty && length < 0:
		return wire.Unsaid
	case length >= 0:
		return wire.ByLength
	case c.req.Minor == 0:
		return wire.ByClose
	}
	return wire.InChunks
}

// Write gathers content in the answer's framing.
func (c *h1Call) Write(p []byte) {
	a := &c.answer
	b := a.space()
	if a.end == wire.InChunks {
		a.out.b = wire.AppendChunk(b, p)
	} else {
		a.out.b = append(b, p...)
	}
}

// Flush sends what has been gathered. A client that does not take it at once gets the rest, and all that
// follows, through an outbox, at its own speed.
func (c *h1Call) Flush() error {
	a := &c.answer
	if a.err != nil || a.out == nil {
		return a.err
	}
	if a.box != nil {
		a.err = a.box.Write(a.out.b)
	} else if c.send(); a.box != nil {
		a.box.Start()
	}
	a.giveBack()
	return a.err
}

// send sends what goes at once, and leaves the rest to an outbox.
func (c *h1Call) send() {
	a := &c.answer
	var n int
	n, a.err = c.conn.sock.TryWrite(a.out.b)
	if rest := a.out.b[n:]; a.err == nil && len(rest) > 0 {
		a.box = spool.NewOutbox(c.conn.set.Spool, rest, h1Taker{c.conn}, c.conn.set.Unspooled)
		switch {
		case a.direct:
			a.box.Narrow()
		case a.unread > 0:
			a.box.Limit(a.unread)
		}
	}
}

// finishBox waits until the client has taken what waits for it.
func (a *h1Answer) finishBox() {
	a.giveBack() // nobody waits with memory in hand
	if box := a.box; box != nil {
		a.box = nil
		a.err = cmp.Or(a.err, box.Finish())
	}
}

// SendFile sends n bytes of a file behind what has been gathered, at the client's speed.
func (c *h1Call) SendFile(f *os.File, from, n int64) (sent int64, err error) {
	a := &c.answer
	a.space()
	c.send()
	if a.finishBox(); a.err != nil {
		return 0, ErrGone
	}
	a.err = c.conn.move(n, func(done int64) (int64, error) {
		more, err := c.conn.sock.SendFile(f, from+done, n-done)
		sent = done + more
		return more, err
	})
	if sock.TimedOut(a.err) || errors.Is(a.err, unix.EPIPE) || errors.Is(a.err, unix.ECONNRESET) {
		return sent, ErrGone
	}
	return sent, a.err
}

// End ends the answer, with trailers if the client takes them (RFC 9110 section 6.5.1).
func (c *h1Call) End(trailers []wire.Field) error {
	a := &c.answer
	b := a.space()
	if a.end == wire.InChunks {
		if !c.req.Trailers {
			trailers = nil
		}
		b = wire.AppendLastChunk(b, trailers)
		a.out.b = b
	}
	switch {
	case a.err != nil:
	case a.box != nil:
		a.err = a.box.Write(b)
	case len(b) > 0:
		c.send()
	}
	a.finishBox()
	return a.err
}

func (c *h1Call) Unbuffered() { c.answer.direct = true }

// Cut has the connection reset, so that what was sent is taken for what it is.
func (c *h1Call) Cut() {
	a := &c.answer
	a.cut = true
	if a.box != nil {
		a.box.Abort(ErrGone)
		c.conn.sock.GiveUp()
		c.conn.sock.Wake()
		a.finishBox()
	} else if a.out != nil && a.err == nil {
		_, _ = c.conn.sock.TryWrite(a.out.b)
	}
	a.giveBack()
}
