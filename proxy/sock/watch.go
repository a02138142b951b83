package sock

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A watch is kept on a peer for whom somebody works elsewhere: who works is woken when it hangs up.
type watch struct {
	from  atomic.Int64           // the sweeper looks from then on; 0 = not at all
	gone  atomic.Bool            // the peer hung up, or was given up
	wakes atomic.Pointer[Socket] // where the work goes on
	calls atomic.Pointer[func()]
}

// Watch has the sweeper look, from a time on, whether the peer has hung up, and wake other once it has; 0
// is never, but GiveUp wakes it all the same. Who is woken asks Gone. Look at Gone after Watch: what
// happened before wakes nobody.
func (s *Socket) Watch(from int64, other *Socket) {
	if s.watch.wakes.Load() != other {
		s.watch.wakes.Store(other)
	}
	if s.watch.from.Load() != from {
		s.watch.from.Store(from)
	}
}

// Tell has f called when the peer hangs up or is given up, within two ticks; nil takes it back. Look at Gone
// after Tell, too. Who is told does not wait.
func (s *Socket) Tell(f func()) {
	if f == nil {
		s.watch.calls.Store(nil)
		s.Unwatch()
		return
	}
	s.watch.calls.Store(&f)
	s.watch.from.Store(s.Clock().Now())
}

// Unwatch ends the watch. That a GiveUp may still wake the other socket does it no harm.
func (s *Socket) Unwatch() {
	if s.watch.from.Load() != 0 {
		s.watch.from.Store(0)
	}
}

// Gone reports whether the peer was seen to have hung up, or was given up.
func (s *Socket) Gone() bool { return s.watch.gone.Load() }

// GiveUp treats the peer as gone, from any goroutine.
func (s *Socket) GiveUp() {
	s.watch.gone.Store(true)
	if other := s.watch.wakes.Load(); other != nil {
		other.Wake()
	}
	if tell := s.watch.calls.Load(); tell != nil {
		(*tell)()
	}
}

// HungUp reports whether the peer has closed its side. It may be asked from any goroutine.
func (s *Socket) HungUp() bool { return s.is(hungUp) }

// is reports whether one of some events has come, or the socket is closed.
func (s *Socket) is(events int16) (so bool) {
	err := s.raw.Control(func(fd uintptr) { so = polled(fd, events) })
	return so || err != nil
}

// AwaitClose waits until a peer that was told by Refuse has closed both sides, or over says that the wait
// is over, which is asked after each wake. Bytes of the peer's do not end it.
func (s *Socket) AwaitClose(over func() bool) (closed bool) {
	for !over() {
		err := s.raw.Read(func(fd uintptr) bool { return over() || polled(fd, unix.POLLHUP|unix.POLLERR) })
		if !TimedOut(err) {
			return !over()
		}
		s.Calm()
	}
	return false
}

// hungUp are the events of a peer that has closed its side.
const hungUp = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR

// polled reports whether one of some events has come.
func polled(fd uintptr, events int16) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, _ := unix.Poll(fds, 0)
	return n > 0 && fds[0].Revents&events != 0
}
