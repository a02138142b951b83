package pool

import (
	"context"
	"fmt"
	"time"

	"purser/conf"
)

// This file is what requests and those who look may ask of a Group.

// Name returns the app's name.
func (g *Group) Name() string { return g.name }

// App returns the app's configuration.
func (g *Group) App() conf.App {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.app
}

// Configure has the group go by another configuration of its app from now on: how many processes there are, what
// they may take and for how long, how restarts go. What its processes were spawned with stays as it is until a
// restart: number is that of the newest configuration that restarts bring, the first that knows of what is new. The kind
// and the concurrency of app must be resolved, and its name is the same. What the min of all
// groups comes to must fit under the cap of the pool. One that has yielded stays as it is.
func (g *Group) Configure(app conf.App, number int) {
	if app.Name != g.name || app.Concurrency == 0 || app.MaxProcesses < 1 {
		panic("BUG: the group of app " + g.name + " is configured as " + app.Name)
	}
	if g.hasYielded() {
		return
	}
	if !g.isClosed() {
		g.cap.reserve(g, app.MinProcesses)
	}
	g.do(func(s *groupState, now time.Time) { s.configure(now, app, number) })
	g.cap.kick()
}

// isClosed reports whether nothing is spawned any more, so that nothing has to be kept for the group.
func (g *Group) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.closed
}

// Configs are the configurations that something lives of, or may be spawned of, by the numbers that their restarts
// gave them.
func (g *Group) Configs() map[int]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.configs()
}

// Settled is the configuration, by its number, that the group is to serve with. While a restart runs, or waits for its
// turn, that is not said yet.
func (g *Group) Settled() (config int, settled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.running() != nil || g.state.next != nil {
		return 0, false
	}
	return g.state.target().config, true
}

// TryAcquire lends a ready process with room if there is one, else it returns nil: then the request
// has to Acquire. The caller must Release or Hold the process.
func (g *Group) TryAcquire(w Wish) *Process {
	defer endBroken()
	g.mu.Lock()
	p := g.state.lend(w)
	g.mu.Unlock()
	return p
}

// Acquire lends a ready process, waiting for one if it must. The caller must Release or Hold it.
// The error is ErrQueueFull, ErrQueueTimeout, ErrPaused, ErrClosed, a *StartError if nothing serves and nothing
// can be started, or the cause of ctx's end.
func (g *Group) Acquire(ctx context.Context, wish Wish) (*Process, error) {
	if p := g.TryAcquire(wish); p != nil {
		return p, nil
	}
	w := &waiter{done: make(chan struct{}), wish: wish}
	var err error
	g.do(func(s *groupState, now time.Time) { err = s.acquire(now, w) })
	if err != nil {
		return nil, err
	}
	select {
	case <-w.done:
		return w.proc, w.err
	case <-ctx.Done():
		g.do(func(s *groupState, now time.Time) { s.abandon(now, w) })
		return nil, context.Cause(ctx)
	}
}

// Full is with what a request that came now would be refused for want of a place to wait, nil if it would not.
func (g *Group) Full() error {
	defer endBroken()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.full()
}

// Release gives back a process that was lent, and says how it went.
func (g *Group) Release(p *Process, o Outcome) {
	defer endBroken()
	g.mu.Lock()
	g.relieved(p, g.state.giveBack(p, o))
}

// Hold makes the request that p was lent to a long-lived connection: a WebSocket, an event stream. It
// takes no room among p's requests, is waited for longer when p is to go, and ends with Drop instead
// of Release.
func (g *Group) Hold(p *Process) {
	defer endBroken()
	g.mu.Lock()
	g.relieved(p, g.state.hold(p))
}

// Stream is Hold for a long-lived connection that one of the process's threads stays busy with: it goes on filling
// its place. It ends with EndStream.
func (g *Group) Stream(p *Process) {
	defer endBroken()
	g.mu.Lock()
	g.relieved(p, g.state.stream(p))
}

// EndStream ends what Stream has begun.
func (g *Group) EndStream(p *Process) {
	defer endBroken()
	g.mu.Lock()
	g.relieved(p, g.state.endStream(p))
}

// Drop ends a long-lived connection to p.
func (g *Group) Drop(p *Process) {
	defer endBroken()
	g.mu.Lock()
	g.relieved(p, g.state.drop(p))
}

// relieved goes on after load was taken from p, and frees mu. As a rule nothing comes of it, and then
// it costs next to nothing.
func (g *Group) relieved(p *Process, more bool) {
	if !more {
		g.mu.Unlock()
		return
	}
	now := time.Now()
	g.state.released(now, p)
	g.unlock(now)
}

// Recycle replaces a process that misbehaves. It gets no new request from now on.
func (g *Group) Recycle(p *Process, why string) {
	g.do(func(s *groupState, now time.Time) { s.recycle(now, p, why) })
}

// Refuses is Recycle for a process that takes no connections. If it turns out to be dead, it has crashed.
func (g *Group) Refuses(p *Process, why string) {
	g.do(func(s *groupState, now time.Time) { s.refuses(now, p, why) })
}

// Stuck says that nothing has come of a request that p was lent to, for so long. Unstuck must follow, with what is
// returned, once something comes or the request ends.
func (g *Group) Stuck(p *Process, silence time.Duration) (since time.Time) {
	g.do(func(s *groupState, now time.Time) {
		since = now.Add(-silence)
		s.stuck(now, p, since)
	})
	return since
}

// Unstuck ends what Stuck has said.
func (g *Group) Unstuck(p *Process, since time.Time) {
	g.do(func(s *groupState, now time.Time) { s.unstuck(now, p, since) })
}

// Doubt says that a process ended a connection without an answer, which most often is the first that
// is seen of its death. It is lent only if there is no other, for about a second. What is returned is
// closed when it is gone.
func (g *Group) Doubt(p *Process) (gone <-chan struct{}) {
	g.do(func(s *groupState, now time.Time) {
		s.doubt(now, p)
		s.borrows.says(verbDoubt, p, Unclear)
	})
	return p.gone
}

// Releases returns where the app's code lies, newest first: the release that serves or takes over,
// those of older processes that live, and the last good one. It is the same slice for as long as
// nothing has changed, and must not be changed.
func (g *Group) Releases() []Release { return *g.releases.Load() }

// Leads returns the number of the generation whose answers count now: the newest that serves, of code that is not given
// up.
func (g *Group) Leads() int { return int(g.leads.Load()) }

// Snapshot returns what the group is now, or was when it yielded.
func (g *Group) Snapshot() GroupSnapshot {
	defer endBroken()
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.state.borrows; b != nil {
		return b.last
	}
	return snapshotOf(&g.state, time.Now())
}

// close turns new requests away, by one of two events, lets running ones end and stops every process. What is
// left when ctx ends is killed. It returns when the last is gone.
func (g *Group) close(ctx context.Context, how func(*groupState, time.Time)) error {
	if g.hasYielded() {
		g.endYielded()
		return nil
	}
	g.do(how)
	killed := make(chan int, 1)
	stop := context.AfterFunc(ctx, func() { killed <- g.killAll() })
	g.children.Wait()
	late := 0
	if !stop() {
		late = <-killed
	}
	g.stopTime()
	g.clock.Wait()
	g.awaitNoted()
	if late > 0 {
		return fmt.Errorf("cannot stop app %q in time, so %s killed: %w", g.name, counted(late, "process was", "processes were"), context.Cause(ctx))
	}
	return nil
}

func (g *Group) killAll() (killed int) {
	g.do(func(s *groupState, now time.Time) { killed = s.killAll(now) })
	return killed
}

// offer and makeWay are for the pool, when another group needs room.

func (g *Group) offer() (idle time.Time, load int, ok bool) {
	defer endBroken()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.offer(time.Now())
}

func (g *Group) makeWay(n need) (made bool) {
	g.do(func(s *groupState, now time.Time) { made = s.makeWay(now, n) })
	return made
}
