package client

// mayDrop reports whether a stop may end the connection: nothing of a request is here, or its answer is
// out.
func (c *conn) mayDrop() bool { return c.isIdle() || c.present() == lingering }

// isIdle reports that a request is awaited, and nothing of it is here.
func (c *conn) isIdle() bool {
	p := c.present()
	return p == expecting || p == idle
}

// hasRequest reports that a request has come on a connection that is to end because none had. It is served: who sent
// it may not be able to send it again (RFC 9110 section 9.2.2).
func (c *conn) hasRequest() bool {
	if !c.isIdle() || c.sock.Gone() || !c.sock.HasBytes() {
		return false
	}
	c.sock.Arm(c.clock().In(stoppedHead)) // with TLS it is not known yet whether it is one
	return true
}

// drop ends the connection if it waits for the client's bytes, when its goroutine looks.
func (c *conn) drop() {
	c.dropped.Store(true)
	c.sock.Wake()
}

// stop ends the connection if nothing of a request is here. One that speaks HTTP/2 sees to that itself.
func (c *conn) stop() {
	switch {
	case c.multiplex.Load():
		c.sock.Wake()
	case c.mayDrop():
		c.drop()
	case c.present() == reading:
		c.sock.Wake() // and it hurries
	}
}

// retire lets the connection know of it that waits for a request.
func (c *conn) retire() {
	if c.multiplex.Load() || c.isIdle() {
		c.sock.Wake()
	}
}

// hurry leaves what a stop would have to wait for little time: a head that is coming in, which mostly comes at once,
// and where the server retires the next request.
func (c *conn) hurry() {
	if c.hurried || !c.set.stopping.Load() || c.multiplex.Load() {
		return
	}
	switch retiring := c.set.retiring.Load(); {
	case retiring && c.isIdle():
		c.hurried = true
		c.sock.Arm(c.clock().In(retiredIdle))
	case !retiring && c.present() == reading:
		c.hurried = true
		c.sock.Arm(min(c.since.Load()+int64(c.limits().Head), c.clock().In(stoppedHead)))
	}
}

// hasLastTurn reports whether one more request is awaited though connections end, and for how long.
func (c *conn) hasLastTurn() bool {
	if !c.set.retiring.Load() {
		return false
	}
	c.sock.Arm(c.clock().In(retiredIdle))
	return true
}
