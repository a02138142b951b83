package client

import "purser/proxy/wire"

// push queues all of p, at the client's speed, as long as it keeps moving.
func (c *h2Call) push(p []byte, last bool, trailers []wire.Field) error {
	err := c.pushAll(p, last, trailers)
	if !last {
		c.all.out.flush(false)
	}
	return err
}

func (c *h2Call) pushAll(p []byte, last bool, trailers []wire.Field) error {
	s, start, moved := c.all, c.all.clock().Now(), int64(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.out.leave(&c.h2Sender)
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
	s := c.all
	s.out.next()
	s.mu.Unlock()
	s.out.flush(false)
	s.mu.Lock()
	if c.window > 0 && s.out.window > 0 && s.out.room() > 0 {
		return nil
	}
	s.out.wait(&c.h2Sender)
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
	out := &c.all.out
	switch {
	case c.late, c.given, c.silent(), out.err != nil:
		return false
	case c.window <= 0:
		return true
	case c.queued:
		return true // others are before it
	case out.window <= 0 || out.room() <= 0:
		out.wait(&c.h2Sender)
		return true
	}
	return false
}
