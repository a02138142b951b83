package client

import (
	"sync"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// An h2Conn is what a connection becomes that speaks HTTP/2 (RFC 9113). Its goroutine is the only one to
// read, and waits for nothing else; each stream is a call with a goroutine of its own, which it waits for at
// the end. All together have one output.
type h2Conn struct {
	*conn
	in      *h2Input // nil while there is nothing in it
	block   h2Block  // the header block that is coming in
	greeted bool     // the client's preface has come
	quick   bool     // nothing is to be awaited at the end
	given   bool     // it was given up from outside
	tasks   sync.WaitGroup

	mu       sync.Mutex // guards what follows, and what streams say it guards; no wait happens under it
	out      h2Output
	streams  map[uint32]*h2Call // until their handlers are done, so that a reset makes no room for another
	ordinary int                // those of them that a stop waits for
	open     int                // those whose client still waits for something
	held     int                // those that were reset, or cut
	newest   uint32             // the highest that the client has opened
	reset    h2Resets           // those that we have reset
	window   int64              // what the client may send, of all streams
	unused   int64              // what it may send again and was not told of
	start    int64              // the window that the client gives each new stream
	rested   int64              // when the last stream ended
	began    int64              // when what has come in part began to come
	soonest  int64              // when the wait of a stream, or of the output, has taken too long
	armed    int64              // when the reading is interrupted
	partial  bool               // of a frame or a header block a part has come, or the client's SETTINGS have not
	settings bool               // the client's have come
	resets   h2Budget
	chores   h2Budget
	leave    h2Leave
	free     []*h2Call // kept for the next streams, with all that they know of the peer
	spare    int       // how many of them were not needed since that was last looked at
}

// How much a client may send before it was taken: in all, of a stream, and of one whose body is being taken.
const (
	connWindow   = 1 << 20
	streamWindow = 64 << 10
	bodyWindow   = 1 << 20

	defaultWindow = 65535 // RFC 9113 section 6.9.2
	mostWindow    = 1<<31 - 1
)

// mostStreams is how many streams a client may have open at once. Those that it takes for ended while their
// handlers end, too, do not count, but for so many at most: to reset a stream makes no room for another.
const (
	mostStreams  = 100
	mostHandlers = mostStreams + 20
)

// serveHTTP2 speaks HTTP/2 until the connection ends. First is what was read before.
func (c *conn) serveHTTP2(first []byte) {
	now := c.clock().Now()
	h := &h2Conn{conn: c, streams: make(map[uint32]*h2Call), window: connWindow, start: defaultWindow, rested: now, began: now, partial: true, soonest: never,
		resets: newBudget(mostResets, resetsSecond, now), chores: newBudget(mostChores, choresSecond, now)}
	h.out = h2Output{sock: c.sock, clock: c.clock(), tasks: &h.tasks, idle: h.sent, stall: h.armFor, mu: &h.mu, window: defaultWindow}
	h.block.init()
	defer h.finish()
	c.takeTime(reading)
	c.multiplex.Store(true)
	h.greet()
	for len(first) > 0 {
		if first = h.input().take(first); !h.process() {
			return
		}
	}
	h.read()
}

// greet says what the client may do.
func (h *h2Conn) greet() {
	h.mu.Lock()
	b := appendSettings(h.out.space(),
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: mostStreams},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: wire.MaxHead},
		http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	h.out.buf.b = appendWindowUpdate(b, 0, connWindow-defaultWindow)
	if h.set.stopping.Load() { // which has not met it as one of HTTP/2
		h.leaveInSteps(h.clock().Now())
	}
	h.mu.Unlock()
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

// Space and Unused make h2Conn the lender of memory for what comes.
func (h *h2Conn) Space() []byte { return h.input().space() }

func (h *h2Conn) Unused() {
	if h.in != nil && h.in.empty() && h.block.stream == 0 {
		h2Inputs.Put(h.in)
		h.in = nil
	}
}

func (h *h2Conn) input() *h2Input {
	if h.in == nil {
		h.in = h2Inputs.Get().(*h2Input)
		h.in.at, h.in.have = 0, 0
	}
	return h.in
}

// Use serves what has come, and reports whether more is to be read.
func (h *h2Conn) Use(n int) (goOn bool) {
	h.in.have += n
	goOn = h.process()
	h.Unused()
	return goOn
}

// process serves the frames that are here.
func (h *h2Conn) process() (goOn bool) {
	err := h.frames()
	if err != nil {
		h.refuse(err)
	}
	h.out.flush(false)
	h.arm()
	return err == nil && !h.over()
}

func (h *h2Conn) frames() error {
	if ok, err := h.preface(); !ok || err != nil {
		return err
	}
	for {
		f, err := h.in.next()
		if f == nil && err == nil {
			return nil
		}
		if err == nil {
			err = h.take(f)
		}
		if err = h.resetFor(err); err != nil {
			return err
		}
	}
}

// preface looks for what a client says first (RFC 9113 section 3.4).
func (h *h2Conn) preface() (ok bool, err error) {
	if h.greeted {
		return true, nil
	}
	in := h.in.in[h.in.at:h.in.have]
	n := min(len(in), len(http2.ClientPreface))
	if string(in[:n]) != http2.ClientPreface[:n] {
		return false, http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if n < len(http2.ClientPreface) {
		return false, nil
	}
	h.in.at += n
	h.greeted = true
	return true, nil
}

// flushSoon has what is queued sent at the next tick, unless it was sent before.
func (h *h2Conn) flushSoon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.armBy(h.clock().Now())
}

// finish ends the streams, waits for their handlers, and gives the client time to read what it was sent last.
func (h *h2Conn) finish() {
	if !h.given {
		h.lose()
	}
	if !h.quick && h.hasAll() {
		h.sock.CloseWrite() // the client need not wait for those who work for others
	}
	h.tasks.Wait()
	if !h.quick {
		h.awaitEnd()
	}
	if h.out.buf != nil {
		h.out.put(h.out.buf)
	}
}

// hasAll reports whether the client was sent all that it gets.
func (h *h2Conn) hasAll() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.out.empty()
}

// lose tells all streams that the client is gone.
func (h *h2Conn) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wait()
	for _, c := range h.streams {
		c.lose()
	}
}

// giveUp has all streams end, whoever works for them. What they say at once still goes out: an event stream
// ends in order.
func (h *h2Conn) giveUp() {
	h.mu.Lock()
	h.given, h.quick = true, true
	h.wait()
	for _, c := range h.streams {
		c.giveUp()
	}
	h.say(http2.ErrCodeNo)
	h.mu.Unlock()
	h.out.flush(false)
}

// wait begins the wait for the end of all: nobody waits for the client any more.
func (h *h2Conn) wait() {
	h.out.last = true
	h.dismiss(len(h.free))
	if h.out.slow {
		h.sock.Shutdown()
	}
}

// phases sets what the connection is at, for those who look at it from outside. It is called with mu held.
func (h *h2Conn) phases() {
	p := idle
	switch {
	case h.ordinary > 0:
		p = serving
	case len(h.streams) > 0:
		p = longLived
	case h.leave.step != staying || h.partial:
		p = reading // a stop waits for it
	}
	if p != h.present() {
		if p == reading {
			h.takeTime(reading)
		}
		h.setPhase(p)
		if h.set.stopping.Load() {
			h.conn.set.notice()
		}
	}
}
