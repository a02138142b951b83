package client

import (
	"context"
	"slices"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// An h1Call is a request on an HTTP/1.1 connection. It holds the client's bytes from the first of the
// head to the last of the body; the answer has memory of its own, borrowed only while there is
// something in it.
type h1Call struct {
	conn    *conn
	handler Handler
	began   int64

	in      []byte // the client's bytes: in[at:have] are not used up yet
	at      int    // where the head begins
	have    int
	head    int // length of the head, once complete
	scanned int
	blank   int  // empty lines before the head
	next    int  // where the next pipelined request begins, once this one's end is known
	whole   bool // the request has been read to its end
	heard   bool // the head is complete and parsed, or bad
	bad     error

	answer h1Answer
	stream *h1Stream // of its body, if that is taken while it comes
	req    wire.Request
	chunks wire.Chunked
}

const (
	firstBuffer = 4 << 10
	bodyBuffer  = 32 << 10 // while a body is read
	keepBuffer  = 16 << 10 // a larger one is not kept for the next call
)

func newCall(c *conn) *h1Call {
	call := c.set.calls.Get().(*h1Call)
	call.conn = c
	return call
}

// recycle gives all that the call holds back.
func (c *h1Call) recycle() {
	c.forget()
	if n := len(c.in); n > keepBuffer || n < firstBuffer {
		c.in = make([]byte, firstBuffer)
	}
	calls := &c.conn.set.calls
	c.conn, c.at, c.have, c.next = nil, 0, 0, 0
	calls.Put(c)
}

// forget makes the call ready for the next head in its buffer.
func (c *h1Call) forget() {
	c.began, c.head, c.scanned, c.blank = 0, 0, 0, 0
	c.whole, c.heard, c.bad, c.stream = false, false, nil, nil
	c.answer.reset()
}

// finish ends a call on a connection that lives on: bytes that were sent ahead (pipelining) are kept,
// otherwise the connection goes idle without memory.
func (c *h1Call) finish() {
	if c.next == c.have {
		c.conn.call = nil
		c.recycle()
		return
	}
	c.forget()
	c.have = copy(c.in, c.in[c.next:c.have])
	c.at, c.next = 0, 0
}

// Space lends the buffer behind the bytes already there.
func (c *h1Call) Space() []byte {
	if c.have == len(c.in) {
		grown := make([]byte, 2*len(c.in))
		copy(grown, c.in)
		c.in = grown
	}
	return c.in[c.have:]
}

func (c *h1Call) Unused() {}

func (c *h1Call) Request() *wire.Request { return &c.req }
func (c *h1Call) Peer() *Peer            { return c.conn.set.judged(&c.conn.peer) }
func (c *h1Call) Began() int64           { return c.began }
func (c *h1Call) Seen() []byte           { return c.in[c.at:c.have] }
func (c *h1Call) Gone() bool             { return c.conn.sock.Gone() }

// WakeOnGone looks for a client that leaves only after a while: most answers come before.
func (c *h1Call) WakeOnGone(s *sock.Socket, look bool) {
	switch {
	case s == nil:
		c.conn.sock.Unwatch()
	case look:
		c.conn.sock.Watch(c.conn.clock().Now()+int64(patience), s)
	default:
		c.conn.sock.Watch(0, s)
	}
}

// NeedsLength is true where the end of the connection ends the answer, and a reset cannot be told from
// it: of HTTP/1.0 on a unix socket.
func (c *h1Call) NeedsLength() bool { return c.req.Minor == 0 && c.conn.peer.Port == nil }

func (c *h1Call) Last() { c.answer.last = true }

// LongLived lets a stop that has begun already know.
func (c *h1Call) LongLived(unread int64) {
	c.answer.unread = unread
	c.conn.setPhase(longLived)
	if c.conn.set.stopping.Load() {
		c.conn.set.notice()
	}
}

// Present has the sweeper look for a client that leaves.
func (c *h1Call) Present() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(c.conn.set.ctx)
	s := c.conn.sock
	s.Tell(func() { cancel(ErrGone) })
	if s.Gone() {
		cancel(ErrGone)
	}
	return ctx, func() { s.Tell(nil); cancel(nil) }
}

// Tunnel hands the connection over. What the client sent before the answer was held back until here
// (RFC 9110 section 7.8).
func (c *h1Call) Tunnel(h *wire.ResponseHead, first []byte) (t Tunnel, early []byte, err error) {
	c.LongLived(0)
	a := &c.answer
	a.begun = true
	b := h.Append(a.space()[:0], wire.Unsaid, 0, wire.Upgrades, c.conn.clock().Stamp().Header)
	a.out.b = append(b, first...)
	err = c.conn.write(a.out.b)
	a.giveBack()
	early = slices.Clone(c.in[c.next:c.have])
	c.keepHead()
	return c.conn.sock, early, err
}

// keepHead gives up all of the request's buffer but the head, which the log needs at the end.
func (c *h1Call) keepHead() {
	head := slices.Clone(c.in[c.at : c.at+c.head])
	if c.req.Parse(head) == nil { // as it did before
		c.in, c.at, c.next, c.have = head, 0, len(head), len(head)
	}
}
