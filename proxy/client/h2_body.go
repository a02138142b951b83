package client

import (
	"golang.org/x/net/http2"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

// onData takes content in for who takes it away. What comes for nobody is counted, and dropped.
func (h *h2Conn) onData(f *http2.DataFrame) error {
	n, data := int64(f.Length), f.Data()
	if h.window -= n; h.window < 0 {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	if len(data) > 0 {
		h.chores.earn(1)
	} else if err := h.chore(); err != nil {
		return err
	}
	c := h.streams[f.StreamID]
	if c == nil || c.left || c.closed || c.ended {
		h.giveBack(n)
		return h.stray(f.StreamID, c)
	}
	if c.room -= n; c.room < 0 {
		return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeFlowControl}
	}
	h.giveBack(n - int64(len(data))) // the padding
	c.giveBack(n - int64(len(data)))
	c.in = append(c.in, data...)
	if c.got += int64(len(data)); c.size >= 0 && c.got > c.size {
		return h.malformedBody(c, wire.ErrStreamSize)
	}
	if f.StreamEnded() {
		return h.endBody(c, nil, true)
	}
	c.wake()
	return nil
}

// stray says what a frame deserves whose stream takes no more of them (RFC 9113 section 5.1).
func (h *h2Conn) stray(stream uint32, c *h2Call) error {
	switch {
	case h.idleStream(stream) != nil:
		return protocolError
	case h.reset.has(stream), c != nil && c.closed && !c.ended:
		return nil
	}
	return http2.StreamError{StreamID: stream, Code: http2.ErrCodeStreamClosed}
}

// endBody ends a body, perhaps with trailers, which may only be the end.
func (h *h2Conn) endBody(c *h2Call, t *wire.StreamTrailers, ended bool) error {
	if c.left || c.closed {
		return nil
	}
	if t != nil {
		err := t.Complete()
		if !ended {
			err = wire.ErrStreamTrailers
		}
		if err != nil {
			return h.malformedBody(c, err)
		}
		c.trailers = t.Fields
	}
	if c.size >= 0 && c.got != c.size {
		return h.malformedBody(c, wire.ErrStreamSize)
	}
	c.ended = true
	c.wake()
	return nil
}

func (h *h2Conn) malformedBody(c *h2Call, why error) error {
	c.broken = why
	return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeProtocol}
}

// giveBack lets the client send as many bytes more on the connection, and tells it when these are many. It is
// called with mu held.
func (h *h2Conn) giveBack(n int64) {
	if h.unused += n; h.unused >= connWindow/4 {
		h.out.buf.b = appendWindowUpdate(h.out.space(), 0, h.unused)
		h.window += h.unused
		h.unused = 0
	}
}

// giveBack lets it send more of the stream.
func (c *h2Call) giveBack(n int64) {
	if c.unused += n; c.unused >= streamWindow/4 && !c.ended && !c.left && !c.closed {
		c.allow(c.unused)
		c.unused = 0
	}
}

func (c *h2Call) allow(n int64) {
	out := &c.h.out
	out.buf.b = appendWindowUpdate(out.space(), c.id, n)
	c.room += n
}

// TakeBody asks for the body only here, where nothing that is known stands against the request (RFC
// 9110 section 10.1.1). Now that it is taken as it comes, more may be on its way.
func (c *h2Call) TakeBody(into *spool.Body, most int64) (trailers []wire.Field, err error) {
	if most > 0 && c.req.Length > most {
		return nil, ErrBodyTooLarge
	}
	if c.req.Continue {
		c.Interim(&wire.ResponseHead{Status: 100})
	}
	start := c.h.clock().Now()
	for first := true; ; first = false {
		ended, err := c.awaitBody(start, into.Size(), first)
		if err != nil {
			return nil, err
		}
		if most > 0 && into.Size()+int64(len(c.taken)) > most {
			return nil, ErrBodyTooLarge
		}
		if err := into.Append(c.taken); err != nil {
			return nil, err
		}
		if ended {
			return c.trailers, into.Complete()
		}
	}
}

// awaitBody takes what has come of the body, and waits for it if that is nothing. It reports whether it was
// the last.
func (c *h2Call) awaitBody(start, moved int64, first bool) (ended bool, err error) {
	h := c.h
	h.mu.Lock()
	defer h.out.flush(false)
	defer h.mu.Unlock()
	if first && !c.ended && !c.left {
		c.allow(bodyWindow - streamWindow)
	} else {
		h.giveBack(int64(len(c.taken)))
		c.giveBack(int64(len(c.taken)))
	}
	c.taken = c.taken[:0]
	for len(c.in) == 0 && !c.ended {
		if err := c.noBody(); err != nil {
			return false, err
		}
		if h.out.buf != nil {
			h.mu.Unlock()
			h.out.flush(false)
			h.mu.Lock()
			continue
		}
		c.within(start, moved)
		c.changed.Wait()
	}
	c.due = 0
	if c.broken != nil {
		return false, c.broken
	}
	c.taken, c.in = c.in, c.taken
	return c.ended, nil
}

// noBody says why there will be no more of a body.
func (c *h2Call) noBody() error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.left, c.given:
		return ErrBodyCut
	case c.h.set.ctx.Err() != nil:
		return ErrStopping
	case c.late:
		return ErrBodySlow
	}
	return nil
}
