package client

import (
	"golang.org/x/net/http2"

	"purser/proxy/spool"
	"purser/proxy/wire"
)

// addBody adds what has come of the body, of a frame of n bytes. It is called with mu held.
func (c *h2Call) addBody(data []byte, n int64, last bool) error {
	if !c.intake.take(n) {
		return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeFlowControl}
	}
	c.giveBack(n - int64(len(data))) // the padding
	if c.ignored {
		c.all.giveBack(int64(len(data)))
	} else {
		c.in = append(c.in, data...)
	}
	if c.got += int64(len(data)); c.size >= 0 && c.got > c.size {
		return c.malformedBody(wire.ErrStreamSize)
	}
	if last {
		return c.endBody(nil, true)
	}
	c.wake()
	return nil
}

// endBody ends a body, perhaps with trailers, which may only be the end.
func (c *h2Call) endBody(t *wire.StreamTrailers, ended bool) error {
	if c.left || c.closed {
		return nil
	}
	if t != nil {
		err := t.Complete()
		if !ended {
			err = wire.ErrStreamTrailers
		}
		if err != nil {
			return c.malformedBody(err)
		}
		c.trailers = t.Fields
	}
	if c.size >= 0 && c.got != c.size {
		return c.malformedBody(wire.ErrStreamSize)
	}
	c.ended = true
	c.wake()
	return nil
}

func (c *h2Call) malformedBody(why error) error {
	c.broken = why
	return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeProtocol}
}

// giveBack lets the client send as many bytes more, on the connection and of the stream. It is called with mu
// held.
func (c *h2Call) giveBack(n int64) {
	c.all.giveBack(n)
	if c.ended || c.left || c.closed {
		return
	}
	if more := c.intake.giveBack(n, streamWindow/4); more > 0 {
		c.all.out.allow(c.id, more)
	}
}

// TakeBody asks for the body only here, where nothing that is known stands against the request (RFC
// 9110 section 10.1.1).
func (c *h2Call) TakeBody(into *spool.Body, most int64) (trailers []wire.Field, err error) {
	if err := c.askForBody(most); err != nil {
		return nil, err
	}
	start := c.all.clock().Now()
	c.widen()
	for {
		ended, err := c.awaitBody(start, into.Size())
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

func (c *h2Call) askForBody(most int64) error {
	if most > 0 && c.req.Length > most {
		return ErrBodyTooLarge
	}
	if c.req.Continue {
		c.Interim(&wire.ResponseHead{Status: 100})
	}
	return nil
}

// widen lets more of a body be on its way, as from now on it is taken.
func (c *h2Call) widen() {
	s := c.all
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended || c.left {
		return
	}
	if c.stream != nil {
		if s.wide == mostWide {
			return
		}
		s.wide++
		c.stream.wide = true
	}
	c.intake.room += bodyWindow - streamWindow
	s.out.allow(c.id, bodyWindow-streamWindow)
}

// awaitBody takes what has come of the body, and waits for it if that is nothing. It reports whether it was
// the last.
func (c *h2Call) awaitBody(start, moved int64) (ended bool, err error) {
	s := c.all
	s.mu.Lock()
	defer s.out.flush(false)
	defer s.mu.Unlock()
	c.giveBack(int64(len(c.taken)))
	c.taken = c.taken[:0]
	defer c.await(false)
	for len(c.in) == 0 && !c.ended {
		if err := c.noBody(); err != nil {
			return false, err
		}
		if s.out.buf != nil {
			s.mu.Unlock()
			s.out.flush(false)
			s.mu.Lock()
			continue
		}
		c.within(&c.forBody, s.set.limits.Load().Body, start, moved)
		c.await(true)
		c.changed.Wait()
	}
	c.forBody.due = 0
	if c.broken != nil {
		return false, c.broken
	}
	c.taken, c.in = c.in, c.taken
	return c.ended, nil
}

// await says whether the call waits for more of its body. It is called with mu held.
func (c *h2Call) await(so bool) {
	switch s := c.all; {
	case so == c.awaits:
		return
	case so:
		s.bodies++
	default:
		s.bodies--
	}
	c.awaits = so
	c.all.changed()
}

// noBody says why there will be no more of a body.
func (c *h2Call) noBody() error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.left, c.given, c.ignored:
		return ErrBodyCut
	case c.all.set.ctx.Err() != nil:
		return ErrStopping
	case c.forBody.late:
		return ErrBodySlow
	}
	return nil
}

// ignoreBody gives up what has come of a body that nobody takes any more, and what still comes. It is called with mu
// held.
func (c *h2Call) ignoreBody() {
	c.all.giveBack(int64(len(c.in) + len(c.taken)))
	c.in, c.taken, c.ignored = nil, nil, true
}
