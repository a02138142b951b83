package sock

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// fired stands for a deadline that has passed.
const fired = -1

// Arm sets when the waits on the socket end; 0 is never. It is a store: the sweeper looks at all
// deadlines four times a second, which for thousands of connections costs less than a timer for each
// wait. Mostly it is as it was, and then a load is cheaper yet.
func (s *Socket) Arm(at int64) {
	if s.deadline.Load() != at {
		s.deadline.Store(at)
	}
}

// Disarm takes the deadline back.
func (s *Socket) Disarm() { s.Arm(0) }

// Passed is called after a wait has timed out. It reports whether the deadline was the reason, and
// makes the socket ready to wait again. It does so before it looks, so that no wake is lost.
func (s *Socket) Passed() bool {
	s.Calm()
	return s.deadline.CompareAndSwap(fired, 0)
}

// LongAgo is a deadline that ends a wait at once, and Never none.
var LongAgo, Never = time.Unix(1, 0), time.Time{}

// Wake ends the waits on the socket with a timeout. It may be called from any goroutine.
func (s *Socket) Wake() { _ = s.conn.SetDeadline(LongAgo) }

// Calm takes a wake back.
func (s *Socket) Calm() { _ = s.conn.SetDeadline(Never) }

// sweep wakes who waits if the deadline has passed, or if the peer that is watched has hung up.
func (s *Socket) sweep(now int64) {
	at := s.deadline.Load()
	if at > 0 && at <= now && s.deadline.CompareAndSwap(at, fired) {
		s.Wake()
	}
	if s.unsure.sweep() && s.is(unix.POLLIN|hungUp) {
		s.Wake()
	}
	if from := s.watch.from.Load(); from != 0 && from <= now && s.HungUp() {
		s.GiveUp()
	}
}

// unsure says that a socket waits without having looked whether there is anything to read.
type unsure struct{ since atomic.Uint32 }

const (
	sure uint32 = iota
	sinceThisTick
	sinceLastTick
)

func (u *unsure) set(since uint32) {
	if u.since.Load() != since {
		u.since.Store(since)
	}
}

// sweep reports, once, that it has been so for a whole tick: most wait only for a moment.
func (u *unsure) sweep() bool {
	return !u.since.CompareAndSwap(sinceThisTick, sinceLastTick) && u.since.CompareAndSwap(sinceLastTick, sure)
}
