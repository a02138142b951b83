package client

import (
	"time"

	"golang.org/x/net/http2"
)

const (
	tidyTime = time.Second     // before a connection without streams gives its memory back
	keepTime = 5 * time.Second // before one with streams gives back what they do not need
	lastRead = time.Second     // for the client to read what it was sent last
)

// arm sets when the wait for the client is interrupted next, and reports whether the client has all that it was
// told it would get.
func (h *h2Conn) arm() (done bool) {
	s := &h.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := h.reader.partial() || !h.settings
	if waits != h.partial {
		h.partial = waits
		if waits {
			h.began = h.clock().Now()
		}
		h.phases()
	}
	s.alarm.set(h.due())
	return h.done()
}

// due is when something may be to do. It is called with mu held.
func (h *h2Conn) due() int64 {
	s := &h.streams
	at := s.alarm.soonest
	switch {
	case !s.busy() && len(s.free) > 0:
		at = s.rested + int64(tidyTime)
	case !s.busy():
		at = s.rested + int64(h.limits().KeepAlive)
	case len(s.free) > 0:
		at = min(at, h.clock().Now()+int64(keepTime))
	}
	if h.partial {
		at = min(at, h.began+int64(h.limits().Head))
	}
	if h.leave.step == warned {
		at = min(at, h.leave.due())
	}
	return at
}

// look is called when the wait for the client was interrupted. It reports whether it goes on.
func (h *h2Conn) look() (goOn bool) {
	passed := h.sock.Passed() // before anything is looked at, so that no wake is lost
	if h.sock.Gone() {
		h.giveUp()
		return false
	}
	goOn = h.review(passed)
	h.streams.out.flush(false)
	return !h.arm() && goOn
}

// review looks at all that has a limit in time.
func (h *h2Conn) review(passed bool) (goOn bool) {
	s := &h.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	now := h.clock().Now()
	if passed {
		now = max(now, s.alarm.armed)
	}
	if s.out.err != nil || s.ordinary > 0 && s.out.stalled(now) {
		h.quick = true
		return false
	}
	if h.dropped.Load() && h.present() == taking {
		s.overdue()
	}
	s.review(now)
	if h.set.stopping.Load() || h.leave.step != staying {
		h.leaveInSteps(now)
	}
	return h.reviewRest(now)
}

// reviewRest looks at what is there beside streams. It is called with mu held.
func (h *h2Conn) reviewRest(now int64) (goOn bool) {
	s := &h.streams
	switch {
	case h.partial && now >= h.began+int64(h.limits().Head):
		s.goAway(http2.ErrCodeEnhanceYourCalm)
		return false
	case s.busy():
		s.dismiss(s.spare)
	case h.dropped.Load():
		h.quick = true
		s.goAway(http2.ErrCodeNo)
		return false
	case now >= s.rested+int64(h.limits().KeepAlive):
		s.goAway(http2.ErrCodeNo)
		return false
	case now >= s.rested+int64(tidyTime):
		s.dismiss(len(s.free))
	}
	return true
}

// leaveInSteps takes the next step of leaving if it is due. It is called with mu held.
func (h *h2Conn) leaveInSteps(now int64) {
	h.leave.next(&h.streams, now)
	h.phases()
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
		h.reader.in.at, h.reader.in.have = 0, 0
	}
}
