package client

import (
	"cmp"

	"golang.org/x/net/http2"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

// An h2Answer is how far an answer is.
type h2Answer struct {
	out    *outBuffer // its header block, and content behind that
	head   int        // length of the header block in there
	due    bool       // which was not queued yet
	box    *spool.Outbox
	unread int64 // what may wait for the client; 0 = the usual
	direct bool  // nothing waits in a file for the client
	begun  bool
	ended  bool // all of it was queued
	err    error
}

func (a *h2Answer) space() []byte {
	if a.out == nil {
		a.out = outBuffers.Get().(*outBuffer)
	}
	return a.out.b
}

func (a *h2Answer) giveBack() {
	if a.out != nil {
		if a.out.b = a.out.b[:0]; cap(a.out.b) <= mostSpace {
			outBuffers.Put(a.out)
		}
		a.out, a.head, a.due = nil, 0, false
	}
}

// content is what was gathered behind the head.
func (a *h2Answer) content() []byte {
	if a.out == nil {
		return nil
	}
	return a.out.b[a.head:]
}

// Interim passes interim answers on.
func (c *h2Call) Interim(h *wire.ResponseHead) {
	b := outBuffers.Get().(*outBuffer)
	b.b = appendHead(b.b, h, h.Status, -1, nil)
	c.all.mu.Lock()
	if !c.silent() {
		c.all.out.head(c.id, b.b, false)
	}
	c.all.mu.Unlock()
	c.all.out.flush(false)
	b.b = b.b[:0]
	outBuffers.Put(b)
}

// silent reports that nothing more may be sent. It is called with mu held.
func (c *h2Call) silent() bool { return c.left || c.closed || wire.IsMalformed(c.bad) }

// Begin makes the header block, which goes out once it is known whether it ends the stream. An answer that
// would pass for the beginning of a WebSocket, and is none, must not (RFC 8441 section 5).
func (c *h2Call) Begin(h *wire.ResponseHead, length int64) {
	a := &c.answer
	a.begun = true
	status := h.Status
	if c.head.WebSocket() && c.bad == nil && status < 300 {
		status = 502
	}
	if status == 204 {
		length = -1 // RFC 9110 section 8.6
	}
	b := a.space()
	at := len(b)
	a.out.b = appendHead(b, h, status, length, c.all.clock().Stamp().Header)
	a.head, a.due = len(a.out.b)-at, true
}

// Write gathers content. A large piece is queued as far as it goes at once: to copy it twice costs more than
// another frame.
func (c *h2Call) Write(p []byte) {
	a := &c.answer
	if len(p) >= largePiece && len(a.content()) == 0 && a.box == nil && a.err == nil {
		p, a.err = c.queue(p)
	}
	if len(p) > 0 && a.err == nil {
		a.out.b = append(a.space(), p...)
	}
}

const largePiece = 8 << 10

// queue queues what goes without waiting, and sends only what there is no room for otherwise.
func (c *h2Call) queue(p []byte) (rest []byte, err error) {
	c.all.mu.Lock()
	c.sendHead(false)
	n, err := c.offer(p, false, nil)
	c.all.mu.Unlock()
	if c.answer.giveBack(); err != nil || n == len(p) {
		return nil, err
	}
	return c.sendNow(p[n:], false, nil)
}

// Flush queues what the windows have room for. The rest, and all that follows, goes through an outbox, at
// the client's speed.
func (c *h2Call) Flush() error {
	a := &c.answer
	if a.err != nil {
		return a.err
	}
	if a.out == nil {
		c.all.out.flush(false)
		return nil
	}
	if a.box != nil {
		a.err = a.box.Write(a.content())
	} else {
		var rest []byte
		if rest, a.err = c.sendNow(a.content(), false, nil); a.err == nil && len(rest) > 0 {
			a.box = c.newOutbox(rest)
			a.box.Start()
		}
	}
	a.giveBack()
	return a.err
}

// sendNow queues what goes without waiting, and sends it unless that is all and the last.
func (c *h2Call) sendNow(p []byte, last bool, trailers []wire.Field) (rest []byte, err error) {
	for blocked := false; ; {
		c.all.mu.Lock()
		c.sendHead(false)
		n, err := c.offer(p, last, trailers)
		c.all.mu.Unlock()
		p = p[n:]
		if last && (err != nil || len(p) == 0) {
			return nil, err
		}
		c.all.out.flush(false)
		if err != nil || len(p) == 0 || n == 0 && blocked {
			return p, err
		}
		blocked = n == 0 // unless there is room now that what was queued went out
	}
}

func (c *h2Call) newOutbox(first []byte) *spool.Outbox {
	set := c.all.set
	box := spool.NewOutbox(set.Spool, first, c, set.Unspooled)
	switch {
	case c.answer.direct:
		box.Narrow()
	case c.answer.unread > 0:
		box.Limit(c.answer.unread)
	}
	return box
}

// sendHead queues the head, if it was not. End says that nothing follows it. It is called with mu held.
func (c *h2Call) sendHead(end bool) {
	a, out := &c.answer, &c.all.out
	if !a.due || c.silent() || out.err != nil {
		return
	}
	out.head(c.id, a.out.b[:a.head], end)
	if a.due = false; end {
		c.closed = true
		c.end()
	}
}

// offer queues as much of p as may go out now, and behind the last of it the end. It is called with mu held.
func (c *h2Call) offer(p []byte, last bool, trailers []wire.Field) (n int, err error) {
	out := &c.all.out
	if c.silent() || out.err != nil {
		return 0, ErrGone
	}
	endsInContent := last && len(trailers) == 0
	if n = out.content(&c.h2Sender, p, endsInContent); n < len(p) || !last {
		return n, nil
	}
	if !endsInContent {
		out.head(c.id, appendFields(nil, trailers), true)
	}
	c.closed = true
	c.end()
	return n, nil
}

// finishBox waits until the client has taken what waits for it.
func (a *h2Answer) finishBox() {
	if box := a.box; box != nil {
		a.box = nil
		a.err = cmp.Or(a.err, box.Finish())
	}
}

// End queues the rest, and returns once the client's windows have room for it. It goes out when the call is
// finished, in a moment, so that no client is faster than our own work for it; or within two ticks, if that has to
// wait for a process.
func (c *h2Call) End(trailers []wire.Field) error {
	a := &c.answer
	switch {
	case a.err != nil:
	case a.box != nil:
		a.err = a.box.Write(a.content())
	case !c.endsWithHead(trailers):
		var rest []byte
		if rest, a.err = c.sendNow(a.content(), true, trailers); len(rest) > 0 {
			a.box = c.newOutbox(rest)
		}
	}
	a.giveBack() // nobody waits with memory in hand
	if a.box != nil {
		if a.finishBox(); a.err == nil {
			_, a.err = c.sendNow(nil, true, trailers)
		}
	}
	a.ended = a.err == nil
	c.all.flushSoon()
	return a.err
}

// endsWithHead queues the head, and reports whether that was all of the answer.
func (c *h2Call) endsWithHead(trailers []wire.Field) bool {
	a := &c.answer
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	bare := a.due && len(a.content()) == 0 && len(trailers) == 0
	c.sendHead(bare)
	return bare && c.closed && !c.left
}

func (c *h2Call) Unbuffered() { c.answer.direct = true }

// Cut resets the stream alone: the client knows then that the answer is not whole. What was gathered goes out
// before, the head first: content without one is a fault that clients end their connection for.
func (c *h2Call) Cut() {
	a, s := &c.answer, c.all
	s.mu.Lock()
	if a.box == nil && a.out != nil && a.err == nil {
		c.sendHead(false)
		_, _ = c.offer(a.content(), false, nil)
	}
	if !c.silent() {
		s.cut(c.id, http2.ErrCodeInternal)
	}
	s.mu.Unlock()
	if a.box != nil {
		a.box.Abort(ErrGone)
		a.finishBox()
	}
	a.giveBack()
	s.out.flush(false)
}
