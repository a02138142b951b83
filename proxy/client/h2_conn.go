package client

import (
	"golang.org/x/net/http2"

	"purser/proxy/sock"
)

// An h2Conn is what a connection becomes that speaks HTTP/2 (RFC 9113). Its goroutine is the only one to
// read, and waits for nothing else; each stream is a call with a goroutine of its own, which it waits for at
// the end. All together have one output.
type h2Conn struct {
	*conn
	reader  h2Reader
	quick   bool // nothing is to be awaited at the end
	given   bool // it was given up from outside
	streams h2Streams

	// What follows is guarded by the mu of streams.

	leave    h2Leave
	began    int64 // when what has come in part began to come
	partial  bool  // of a frame or a header block a part has come, or the client's SETTINGS have not
	settings bool  // the client's have come
}

// serveHTTP2 speaks HTTP/2 until the connection ends. First is what was read before.
func (c *conn) serveHTTP2(first []byte) {
	h := newH2Conn(c)
	defer h.finish()
	c.takeTime(reading)
	c.multiplex.Store(true)
	h.greet()
	for len(first) > 0 {
		if first = h.reader.input().take(first); !h.process() {
			return
		}
	}
	h.read()
}

func newH2Conn(c *conn) *h2Conn {
	now := c.clock().Now()
	h := &h2Conn{conn: c, began: now, partial: true}
	s := &h.streams
	s.set, s.peer, s.changed = c.set, &c.peer, h.counted
	s.calls, s.start, s.rested = make(map[uint32]*h2Call), defaultWindow, now
	s.window.room = connWindow
	s.limits = newLimits(now)
	s.alarm = h2Alarm{sock: c.sock, soonest: never}
	s.out = h2Output{set: c.set, sock: c.sock, clock: c.clock(), tasks: &s.tasks, idle: h.sent, mu: &s.mu, alarm: &s.alarm, limits: &s.limits, window: defaultWindow}
	h.reader.block.init()
	return h
}

// greet says what the client may do.
func (h *h2Conn) greet() {
	s := &h.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.greet()
	if h.set.stopping.Load() { // which has not met it as one of HTTP/2
		h.leaveInSteps(h.clock().Now())
	}
}

// read reads until the connection is to end.
func (h *h2Conn) read() {
	h.arm()
	for {
		err := h.sock.Serve(h)
		switch {
		case err == nil:
			return
		case !sock.TimedOut(err):
			h.quick = true
			return
		case !h.look():
			return
		}
	}
}

// Space, Use and Unused make h2Conn the server of what comes.
func (h *h2Conn) Space() []byte { return h.reader.input().space() }
func (h *h2Conn) Unused()       { h.reader.giveBack() }

func (h *h2Conn) Use(n int) (goOn bool) {
	h.reader.in.have += n
	goOn = h.process()
	h.Unused()
	return goOn
}

// process serves the frames that are here.
func (h *h2Conn) process() (goOn bool) {
	err := h.frames()
	if err != nil {
		h.streams.refuse(err)
	}
	h.streams.out.flush(false)
	return !h.arm() && err == nil
}

// frames takes the frames that are here to their end.
func (h *h2Conn) frames() error {
	for {
		f, err := h.reader.next()
		if f == nil && err == nil {
			return nil
		}
		if err == nil {
			err = h.take(f)
		}
		if err = h.streams.resetFor(err); err != nil {
			return err
		}
	}
}

// finish ends the streams, waits for their handlers, and gives the client time to read what it was sent last.
func (h *h2Conn) finish() {
	h.reader.end()
	s := &h.streams
	s.mu.Lock()
	if !h.given {
		s.lose()
	}
	hasAll := s.out.empty()
	s.mu.Unlock()
	if !h.quick && hasAll {
		h.sock.CloseWrite() // the client need not wait for those who work for others
	}
	s.tasks.Wait()
	if !h.quick {
		h.awaitEnd()
	}
	s.out.giveBack()
}

// giveUp has all streams end. What they say at once still goes out: an event stream ends in order.
func (h *h2Conn) giveUp() {
	s := &h.streams
	h.given, h.quick = true, true
	s.mu.Lock()
	s.giveUp()
	s.goAway(http2.ErrCodeNo)
	s.mu.Unlock()
	s.out.flush(false)
}

// counted is called with mu held when there are more or fewer streams.
func (h *h2Conn) counted() {
	h.phases()
	h.sent()
}

// sent is called with mu held when all has gone out. Who reads may be waiting for it.
func (h *h2Conn) sent() {
	if h.done() || h.dropped.Load() && !h.streams.busy() {
		h.sock.Wake()
	}
}

// done reports whether the client has all that it was told it would get.
func (h *h2Conn) done() bool { return h.leave.step == told && !h.streams.busy() }

// phases sets what the connection is at, for those who look at it from outside. It is called with mu held.
func (h *h2Conn) phases() {
	p := idle
	switch s := &h.streams; {
	case s.bodies > 0 && s.bodies == len(s.calls):
		p = taking
	case h.streams.ordinary > 0:
		p = serving
	case len(h.streams.calls) > 0:
		p = longLived
	case h.leave.step != staying || h.partial:
		p = reading // a stop waits for it
	}
	if p != h.present() {
		if p == reading || p == taking {
			h.takeTime(p)
		}
		h.setPhase(p)
		if h.set.stopping.Load() {
			h.conn.set.notice()
		}
	}
}
