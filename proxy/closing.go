package proxy

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"purser/pool"
)

// closeGrace is how long one side of a long-lived connection may go on after the other has ended, and how
// long one may take to end once it is to be closed.
const closeGrace = 10 * time.Second

// closings are the long-lived connections of all processes: WebSockets and event streams. When a process
// is asked to exit, each of its own is closed at a random time within the app's websocket_close_window, so
// that clients do not all connect again at once. So is each when the server retires.
type closings struct {
	ctx context.Context // of the server
	wg  *sync.WaitGroup // of the server: one goroutine for each process that has long-lived connections

	retired chan struct{} // closed when those of all processes are to be closed

	mu    sync.Mutex // guards what follows. It is held while wake is called, so that none is called after remove
	of    map[*pool.Process]map[*closing]bool
	count int // of those that were not removed
}

func newClosings(ctx context.Context, wg *sync.WaitGroup) *closings {
	return &closings{ctx: ctx, wg: wg, retired: make(chan struct{}), of: make(map[*pool.Process]map[*closing]bool)}
}

// retire has the connections closed of processes that go on, too, as they are another server's from now on. It is
// called once.
func (a *closings) retire() { close(a.retired) }

// open is how many there are.
func (a *closings) open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

// A closing is one long-lived connection, and when it is to be closed.
type closing struct {
	among *closings
	proc  *pool.Process
	wake  func()        // called when it is to be closed; must not block
	due   chan struct{} // closed then
	at    time.Time     // when that is, once the process is asked to exit, or the server retires
}

// add notes a long-lived connection to p. The caller must remove it.
func (a *closings) add(p *pool.Process, window time.Duration, wake func()) *closing {
	c := &closing{among: a, proc: p, wake: wake, due: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[p] == nil {
		a.of[p] = make(map[*closing]bool)
		a.wg.Go(func() { a.closeAll(p, window) })
	}
	a.of[p][c] = true
	a.count++
	return c
}

// remove forgets the connection: wake is not called any more.
func (c *closing) remove() {
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	if c.wake != nil {
		c.wake = nil
		c.among.count--
	}
	delete(c.among.of[c.proc], c)
}

// closeAll waits until p is asked to exit, or the server retires, and has its connections closed. Those that are added later have
// a window of their own. A server that stops cuts them all by itself.
func (a *closings) closeAll(p *pool.Process, window time.Duration) {
	select {
	case <-p.Leaving():
	case <-a.retired:
	case <-a.ctx.Done():
		return
	}
	for _, c := range a.schedule(p, window) {
		select {
		case <-time.After(time.Until(c.at)):
			a.close(c)
		case <-a.ctx.Done():
			return
		}
	}
}

// schedule gives each connection of p its time and returns them in that order.
func (a *closings) schedule(p *pool.Process, window time.Duration) []*closing {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	scheduled := make([]*closing, 0, len(a.of[p]))
	for c := range a.of[p] {
		c.at = now
		if window > 0 {
			c.at = now.Add(rand.N(window))
		}
		scheduled = append(scheduled, c)
	}
	delete(a.of, p)
	slices.SortFunc(scheduled, func(a, b *closing) int { return a.at.Compare(b.at) })
	return scheduled
}

func (a *closings) close(c *closing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.wake != nil {
		close(c.due)
		c.wake()
	}
}

// isDue reports whether the connection is to be closed now.
func (c *closing) isDue() bool {
	select {
	case <-c.due:
		return true
	default:
		return false
	}
}

// processLeaves reports whether the process was asked to exit, or is gone, or is another server's by now.
func (c *closing) processLeaves() bool {
	select {
	case <-c.proc.Leaving():
		return true
	case <-c.among.retired:
		return true
	default:
		return false
	}
}

// await waits until the connection is to be closed. It reports false if the server or the client ends
// first.
func (c *closing) await(clientGone <-chan struct{}) bool {
	select {
	case <-c.due:
		return true
	case <-clientGone:
	case <-c.among.ctx.Done():
	}
	return false
}
