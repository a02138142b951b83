package sock

import (
	"context"
	"sync"
	"time"
)

// Tick is how often deadlines are looked at, and so how late one may be noticed.
const Tick = 250 * time.Millisecond

// A Sweeper looks at the deadlines of all sockets at every tick. A socket registers once, when it is
// made.
type Sweeper struct {
	Clock *Clock

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

func (w *Sweeper) add(s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.next = w.first
	if w.first != nil {
		w.first.prev = s
	}
	w.first = s
}

// remove may be called again for what has left.
func (w *Sweeper) remove(s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.prev != nil:
		s.prev.next = s.next
	case w.first == s:
		w.first = s.next
	default:
		return
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
}
