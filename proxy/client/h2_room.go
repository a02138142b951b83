package client

import "purser/proxy/wire"

// push queues all of p, at the client's speed, as long as it keeps moving.
func (c *h2Call) push(p []byte, last bool, trailers []wire.Field) error {
	err := c.pushAll(p, last, trailers)
	if !last {
		c.h.out.flush(false)
	}
	return err
}

func (c *h2Call) pushAll(p []byte, last bool, trailers []wire.Field) error {
	h, start, moved := c.h, c.h.clock().Now(), int64(0)
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.out.leave(c)
	for {
		n, err := c.offer(p, last, trailers)
		moved += int64(n)
		if p = p[n:]; err != nil || len(p) == 0 {
			return err
		}
		if err := c.awaitRoom(start, moved); err != nil {
			return err
		}
	}
}

// awaitRoom sends what is queued, and waits until more can be. It is called with mu held, which it gives up
// meanwhile.
func (c *h2Call) awaitRoom(start, moved int64) error {
	h := c.h
	h.out.next()
	h.mu.Unlock()
	h.out.flush(false)
	h.mu.Lock()
	if c.window > 0 && h.out.window > 0 && h.out.room() > 0 {
		return nil
	}
	h.out.wait(c)
	c.within(start, moved)
	for c.stuck() {
		c.changed.Wait()
	}
	c.due = 0
	switch {
	case c.late:
		return tooLate
	case c.given:
		return ErrGone
	}
	return nil
}

// stuck reports whether a wait for room goes on.
func (c *h2Call) stuck() bool {
	out := &c.h.out
	switch {
	case c.late, c.given, c.silent(), out.err != nil:
		return false
	case c.window <= 0:
		return true
	case c.queued:
		return true // others are before it
	case out.window <= 0 || out.room() <= 0:
		out.wait(c)
		return true
	}
	return false
}
