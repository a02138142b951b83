package client

import (
	"time"

	"golang.org/x/net/http2"
)

// An h2Leave is how far a connection is that is to end with what it is at (RFC 9113 section 6.8). First the
// client is warned, and what it has sent until it knows of that is served; then it is told what was the last.
type h2Leave struct {
	step leaveStep
	at   int64 // when it was warned
}

type leaveStep uint8

const (
	staying leaveStep = iota
	warned            // until the client knows, or some time has passed
	told              // until the last stream has ended
)

// lastRoundTrip is how long the answer to a PING may take that says that the client knows.
const lastRoundTrip = time.Second

// leavePing is the PING that goes out with the warning.
var leavePing = [8]byte{'s', 't', 'o', 'p', 'p', 'i', 'n', 'g'}

// leaveInSteps takes the next step if it is due. It is called with mu held.
func (h *h2Conn) leaveInSteps(now int64) {
	switch h.leave.step {
	case staying:
		h.leave = h2Leave{warned, now}
		b := appendGoAway(h.out.space(), mostWindow, http2.ErrCodeNo)
		h.out.buf.b = appendFrame(b, len(leavePing), http2.FramePing, 0, 0, leavePing[:]...)
		h.phases()
	case warned:
		if now >= h.leave.at+int64(lastRoundTrip) {
			h.tellLast()
		}
	}
}

// tellLast says which stream was the last. Those that come now are the client's to send again elsewhere.
func (h *h2Conn) tellLast() {
	h.leave.step = told
	h.say(http2.ErrCodeNo)
}

// over reports whether the client has all that it was told it would get.
func (h *h2Conn) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done()
}

func (h *h2Conn) done() bool { return h.leave.step == told && !h.busy() }

// sent is called when all has gone out. Who reads may be waiting for it.
func (h *h2Conn) sent() {
	if h.done() {
		h.sock.Wake()
	}
}
