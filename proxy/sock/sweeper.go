package sock

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Tick is how often deadlines are looked at, and so how late one may be noticed.
const Tick = 250 * time.Millisecond

// A Sweeper looks at the deadlines of all sockets at every tick. A socket registers once, when it is
// made.
type Sweeper struct {
	Clock *Clock

	count atomic.Int64
	mu    sync.Mutex // guards first and the links of the list; no wait happens under it
	first *Socket
}

// NewSweeper returns a sweeper with a clock of its own. Run makes both go.
func NewSweeper() *Sweeper { return &Sweeper{Clock: newClock()} }

// Run sweeps until ctx ends.
func (w *Sweeper) Run(ctx context.Context) {
	t := time.NewTicker(Tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			w.Sweep(w.Clock.advance())
		}
	}
}

// Sweep looks at all deadlines once, as if it were now.
func (w *Sweeper) Sweep(now int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := w.first; s != nil; s = s.next {
		s.sweep(now)
	}
}

// Deadlines returns those that are armed, for who wants to know what is waited for.
func (w *Sweeper) Deadlines() (armed []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := w.first; s != nil; s = s.next {
		if at := s.deadline.Load(); at > 0 {
			armed = append(armed, at)
		}
	}
	return armed
}

// Count returns how many sockets are open, or about to be closed.
func (w *Sweeper) Count() int64 { return w.count.Load() }

func (w *Sweeper) add(s *Socket) {
	w.count.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	s.next = w.first
	if w.first != nil {
		w.first.prev = s
	}
	w.first = s
}

// remove reports whether the socket was there: it may be called again for what has left.
func (w *Sweeper) remove(s *Socket) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.prev != nil:
		s.prev.next = s.next
	case w.first == s:
		w.first = s.next
	default:
		return false
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	return true
}
