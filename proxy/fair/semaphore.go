// Package fair divides what is scarce among those who ask for it: who asks for much waits for itself, and holds up
// nobody else.
package fair

import (
	"runtime"
	"sync"
)

// A Semaphore lets so many go on at a time. Others wait in lines, one for each flow, of which one after the other lets
// its first go on (fair queueing).
type Semaphore struct {
	mu    sync.Mutex
	left  int
	lines map[Flow]*line
	next  []*line // in which somebody waits, in the order in which they come
}

// A Flow names all that is asked for by one client.
type Flow [16]byte

type line struct {
	flow    Flow
	waiting []chan struct{}
}

// NewSemaphore returns one that lets n go on at a time.
func NewSemaphore(n int) *Semaphore { return &Semaphore{left: n, lines: map[Flow]*line{}} }

// BesidesOne is how many processors there are besides one, or the only one. Who computes for long on these leaves one to
// everything else, which meets what comes when it has nothing to do.
func BesidesOne() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// Acquire waits until it is the turn of one of the flow, and reports whether it had to.
func (s *Semaphore) Acquire(f Flow) (waited bool) {
	turn := s.ask(f)
	if turn == nil {
		return false
	}
	<-turn
	return true
}

// ask returns what is closed when it is the turn of who asks, or nil if it is now.
func (s *Semaphore) ask(f Flow) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left > 0 {
		s.left--
		return nil
	}
	l := s.lines[f]
	if l == nil {
		l = &line{flow: f}
		s.lines[f], s.next = l, append(s.next, l)
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	return turn
}

// Release lets the next one go on.
func (s *Semaphore) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.next) == 0 {
		s.left++
		return
	}
	l := s.next[0]
	s.next = s.next[1:]
	close(l.waiting[0])
	if l.waiting = l.waiting[1:]; len(l.waiting) > 0 {
		s.next = append(s.next, l)
	} else {
		delete(s.lines, l.flow)
	}
}
