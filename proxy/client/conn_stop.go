package client

// mayDrop reports whether a stop may end the connection: nothing of a request is here, or its answer is
// out.
func (c *conn) mayDrop() bool {
	p := c.present()
	return p == expecting || p == idle || p == lingering
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

// hurry leaves a head that is coming in little time, if there is a stop: it must not hold that up. Most come at
// once.
func (c *conn) hurry() {
	if !c.hurried && c.set.stopping.Load() && c.present() == reading && !c.multiplex.Load() {
		c.hurried = true
		c.sock.Arm(min(c.since.Load()+int64(headTimeout), c.clock().In(stoppedHead)))
	}
}
