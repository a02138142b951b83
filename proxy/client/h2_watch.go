package client

import (
	"time"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
)

const (
	tidyTime = time.Second     // before a connection without streams gives its memory back
	keepTime = 5 * time.Second // before one with streams gives back what they do not need
	lastRead = time.Second     // for the client to read what it was sent last
)

// arm sets when the wait for the client is interrupted next.
func (h *h2Conn) arm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	partial := h.in != nil && !h.in.empty() || h.block.stream != 0 || !h.settings
	if partial != h.partial {
		h.partial = partial
		if partial {
			h.began = h.clock().Now()
		}
		h.phases()
	}
	h.armed = h.due()
	h.sock.Arm(h.armed + int64(sock.Tick))
}

// armFor is arm for what a stream, or the output, waits for since then. It is called with mu held.
func (h *h2Conn) armFor(at int64) {
	h.soonest = min(h.soonest, at)
	h.armBy(at)
}

// armBy has the reading interrupted by then.
func (h *h2Conn) armBy(at int64) {
	if at < h.armed {
		h.armed = at
		h.sock.Arm(at + int64(sock.Tick))
	}
}

// due is when something may be to do. It is called with mu held.
func (h *h2Conn) due() int64 {
	at := h.soonest
	switch {
	case !h.busy() && len(h.free) > 0:
		at = h.rested + int64(tidyTime)
	case !h.busy():
		at = h.rested + int64(idleTimeout)
	case len(h.free) > 0:
		at = min(at, h.clock().Now()+int64(keepTime))
	}
	if h.partial {
		at = min(at, h.began+int64(headTimeout))
	}
	if h.leave.step == warned {
		at = min(at, h.leave.at+int64(lastRoundTrip))
	}
	return at
}

// never is later than any deadline.
const never = 1 << 62

// busy reports streams, or that something still goes out. It is called with mu held.
func (h *h2Conn) busy() bool { return len(h.streams) > 0 || !h.out.empty() }

// look is called when the wait for the client was interrupted. It reports whether it goes on.
func (h *h2Conn) look() (goOn bool) {
	passed := h.sock.Passed() // before anything is looked at, so that no wake is lost
	if h.sock.Gone() {
		h.giveUp()
		return false
	}
	goOn = h.review(passed)
	h.out.flush(false)
	h.arm()
	return goOn && !h.over()
}

// review looks at all that has a limit in time.
func (h *h2Conn) review(passed bool) (goOn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock().Now()
	if passed {
		now = max(now, h.armed)
	}
	if h.out.err != nil || h.out.slow && h.ordinary > 0 && now >= h.out.moved+int64(stallTimeout) {
		h.quick = true
		return false
	}
	h.reviewStreams(now)
	if h.set.stopping.Load() {
		h.leaveInSteps(now)
	}
	switch {
	case h.partial && now >= h.began+int64(headTimeout):
		return h.say(http2.ErrCodeEnhanceYourCalm)
	case h.busy():
		h.dismiss(h.spare)
	case h.dropped.Load():
		h.quick = true
		return h.say(http2.ErrCodeNo)
	case now >= h.rested+int64(idleTimeout):
		return h.say(http2.ErrCodeNo)
	case now >= h.rested+int64(tidyTime):
		h.dismiss(len(h.free))
	}
	return true
}

// reviewStreams ends the waits that have taken too long, and finds out which is next.
func (h *h2Conn) reviewStreams(now int64) {
	h.soonest = never
	if h.out.slow {
		h.soonest = max(now+int64(keepTime), h.out.moved+int64(stallTimeout)) // tunnels alone do not end it
	}
	for _, c := range h.streams {
		if c.review(now); c.due != 0 {
			h.soonest = min(h.soonest, c.due)
		}
	}
}

// say tells the client why the connection ends, and reports false: it does not go on. It is called with mu
// held.
func (h *h2Conn) say(why http2.ErrCode) (goOn bool) {
	h.out.buf.b = appendGoAway(h.out.space(), h.newest, why)
	return false
}

// awaitEnd ends what is sent, and waits until the client has ended its side: what still came from it would
// make the kernel reset the connection, and take the last answers with it (RFC 9112 section 9.6).
func (h *h2Conn) awaitEnd() {
	h.takeTime(reading)
	h.sock.CloseWrite()
	end := h.clock().In(lastRead)
	for h.clock().Now() < end {
		h.sock.Arm(end)
		if _, err := h.receive(h); err != nil {
			return
		}
		h.in.at, h.in.have = 0, 0
	}
}
