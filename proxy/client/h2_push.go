package client

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
	c.within(&c.forRoom, s.set.limits.Load().Send, start, moved)
	s.unread++
	for c.stuck() {
		c.changed.Wait()
	}
	s.unread--
	c.forRoom.due = 0
	switch {
	case c.forRoom.late:
		return tooLate
	case c.given:
		return ErrGone
	}
	return nil
}

// Await waits until something can be queued, and says how much. What has come of the request's body nobody takes any
// more, once an answer waits, unless it is taken while it comes.
func (c *h2Call) Await(start, moved int64) (most int, err error) {
	s := c.all
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.stream == nil {
		c.ignoreBody()
	}
	for {
		if c.silent() || s.out.err != nil {
			return 0, ErrGone
		}
		if most := min(c.window, s.out.window, int64(s.out.room())); most > 0 {
			return int(min(most, mostQueued)), nil
		}
		if err := c.awaitRoom(start, moved); err != nil {
			s.out.leave(&c.h2Sender)
			return 0, err
		}
	}
}

// Take queues what can be, and sends it. Then it is another stream's turn.
func (c *h2Call) Take(p []byte) (n int, err error) {
	s := c.all
	s.mu.Lock()
	n, err = c.offer(p, false, nil)
	s.out.leave(&c.h2Sender)
	s.mu.Unlock()
	s.out.flush(false)
	return n, err
}

// stuck reports whether a wait for room goes on.
func (c *h2Call) stuck() bool {
	out := &c.all.out
	switch {
	case c.forRoom.late, c.given, c.silent(), out.err != nil:
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
