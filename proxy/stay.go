package proxy

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"purser/pool"
)

// tunnelGrace is how long one side of a long-lived connection may outlive the other, and how long one
// may take to end once it is due.
const tunnelGrace = 10 * time.Second

// stays are the long-lived connections of all processes: WebSockets and event streams. When a process
// is asked to exit, each of its own ends at a random moment within the app's websocket_close_window, so
// that clients do not all connect again at once.
type stays struct {
	ctx context.Context // of the server
	wg  *sync.WaitGroup // of the server: one goroutine for each process that has stays

	mu sync.Mutex // guards what follows. It is held while a stay is ended, so none is that has left
	of map[*pool.Process]map[*stay]bool
}

// A stay is one long-lived connection.
type stay struct {
	among  *stays
	proc   *pool.Process
	end    func()        // told when the moment has come; must not block
	moment chan struct{} // closed then
	at     time.Time     // the moment, once the process leaves
}

// join notes a long-lived connection to p. The caller must leave.
func (a *stays) join(p *pool.Process, window time.Duration, end func()) *stay {
	s := &stay{among: a, proc: p, end: end, moment: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[p] == nil {
		a.of[p] = make(map[*stay]bool)
		a.wg.Go(func() { a.attend(p, window) })
	}
	a.of[p][s] = true
	return s
}

// leave ends the stay, if it has not ended: end is not called any more.
func (s *stay) leave() {
	s.among.mu.Lock()
	defer s.among.mu.Unlock()
	s.end = nil
	delete(s.among.of[s.proc], s)
}

// attend waits until p is asked to exit, and ends its stays. Those that join later have a window of
// their own.
func (a *stays) attend(p *pool.Process, window time.Duration) {
	select {
	case <-p.Leaving():
	case <-a.ctx.Done():
	}
	for _, s := range a.call(p, window) {
		select {
		case <-time.After(time.Until(s.at)):
			a.dismiss(s)
		case <-a.ctx.Done():
			return
		}
	}
}

// call gives each stay of p its moment and returns them in that order.
func (a *stays) call(p *pool.Process, window time.Duration) []*stay {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	called := make([]*stay, 0, len(a.of[p]))
	for s := range a.of[p] {
		s.at = now
		if window > 0 {
			s.at = now.Add(rand.N(window))
		}
		called = append(called, s)
	}
	delete(a.of, p)
	slices.SortFunc(called, func(a, b *stay) int { return a.at.Compare(b.at) })
	return called
}

func (a *stays) dismiss(s *stay) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.end != nil {
		close(s.moment)
		s.end()
	}
}

// due reports whether the moment has come.
func (s *stay) due() bool {
	select {
	case <-s.moment:
		return true
	default:
		return false
	}
}

// leaving reports whether the process was asked to exit, or is gone.
func (s *stay) leaving() bool {
	select {
	case <-s.proc.Leaving():
		return true
	default:
		return false
	}
}

// await waits for the moment. It reports false if the server or the client ends first.
func (s *stay) await(clientGone <-chan struct{}) bool {
	select {
	case <-s.moment:
		return true
	case <-clientGone:
	case <-s.among.ctx.Done():
	}
	return false
}
