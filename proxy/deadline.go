package proxy

import (
	"sync/atomic"
	"time"
)

// Time limits of a client connection. None of them is a deadline that a byte now and then could
// push away for ever: the head's is hard, and bodies must keep a minimum rate besides moving.
const (
	headTimeout   = 15 * time.Second // from the first byte of a head to its last
	idleTimeout   = 60 * time.Second // between requests
	stallTimeout  = 30 * time.Second // without a byte of a body, either way
	rateGrace     = 2 * time.Minute  // before the minimum rate is asked for
	minRate       = 16               // bytes per second of a body, on average, after the grace
	lingerTimeout = 2 * time.Second  // to let a client read its refusal
	dialTimeout   = 5 * time.Second  // to be accepted by an app
	drainBody     = 16 << 20         // bytes read and dropped after a refusal, at most
)

// tick is how often deadlines are looked at, and so how late one may be noticed.
const tick = 250 * time.Millisecond

// A deadline is when a wait on a socket ends. Arming one is a store: the sweeper looks at all of them
// four times a second, which for thousands of connections costs less than a timer for each wait.
type deadline struct {
	at   atomic.Int64 // on the server's clock; 0 = none, fired = passed
	sock atomic.Pointer[socket]
}

const fired = -1

// arm sets the deadline for what is waited for on s. An at of 0 means no limit.
func (d *deadline) arm(s *socket, at int64) {
	if d.sock.Load() != s {
		d.sock.Store(s)
	}
	d.at.Store(at)
}

func (d *deadline) disarm() { d.at.Store(0) }

// leave is disarm for a socket that goes on to serve somebody else.
func (d *deadline) leave() {
	d.at.Store(0)
	d.sock.Store(nil)
}

// sweep wakes the waiter if its time has passed.
func (d *deadline) sweep(now int64) {
	at := d.at.Load()
	if at > 0 && at <= now && d.at.CompareAndSwap(at, fired) {
		if s := d.sock.Load(); s != nil {
			s.wake()
		}
	}
}

// force ends the present wait now.
func (d *deadline) force() {
	if s := d.sock.Load(); s != nil {
		d.at.Store(fired)
		s.wake()
	}
}

// passed is called after a timeout on s and reports whether it was this deadline's. A wake can come
// late, when its socket already serves something else: that one is taken back and the wait begun again.
func (d *deadline) passed(s *socket) bool {
	s.calm()
	return d.at.CompareAndSwap(fired, 0)
}

// bodyDeadline is when a body of which n bytes have moved since start counts as stalled.
func bodyDeadline(now, start, n int64) int64 {
	slowest := start + int64(rateGrace) + n/minRate*int64(time.Second)
	return min(now+int64(stallTimeout), slowest)
}
