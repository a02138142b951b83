package sock

import "time"

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
	if from := s.watch.from.Load(); from != 0 && from <= now && s.HungUp() {
		s.GiveUp()
	}
}
