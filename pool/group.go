package pool

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A Group is the processes of one app, and the queue of requests for them. Pool.Add makes it. Its
// methods may be called at any time, from any goroutine.
type Group struct {
	pool     *Pool
	app      conf.App
	log      hclog.Logger
	spawn    SpawnFunc
	children sync.WaitGroup // one goroutine per process
	end      chan struct{}  // closed when the last child is gone for good
	clock    sync.WaitGroup // the goroutine of keepTime

	// mu guards what follows. The pool's mutex may be taken under it, but no other group's; and
	// nothing slow happens under it: logs and observers come after.
	mu       sync.Mutex
	state    groupState
	timer    *time.Timer
	alarm    time.Time     // when timer goes off; zero or past = it does not
	progress chan struct{} // closed when a restart takes a step; nil if nobody looks
	news     []func()      // to be told once mu is free
	telling  bool          // somebody does that
	freed    bool          // others may get a slot of the pool now
	begging  bool          // a slot of another group is wanted
	ended    bool          // end is closed
}

func newGroup(p *Pool, app conf.App, release Release, spawn SpawnFunc, log hclog.Logger) *Group {
	g := &Group{
		pool:  p,
		app:   app,
		log:   log.With("app", app.Name),
		spawn: spawn,
		end:   make(chan struct{}),
		timer: time.NewTimer(time.Hour),
	}
	g.timer.Stop()
	g.state = newGroupState(app, release, groupDriver{g}, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	g.clock.Go(g.keepTime)
	g.do((*groupState).settle)
	return g
}

// Name returns the app's name.
func (g *Group) Name() string { return g.app.Name }

// App returns the app's configuration.
func (g *Group) App() conf.App { return g.app }

// TryAcquire lends a ready process with room if there is one, else it returns nil: then the request
// has to Acquire. The caller must Release or Hold the process.
func (g *Group) TryAcquire() *Process {
	g.mu.Lock()
	p := g.state.lend()
	g.mu.Unlock()
	return p
}

// Acquire lends a ready process, waiting for one if it must. The caller must Release or Hold it.
// The error is ErrQueueFull, ErrQueueTimeout, ErrClosed, a *StartError if nothing serves and nothing
// can be started, or the cause of ctx's end.
func (g *Group) Acquire(ctx context.Context) (*Process, error) {
	if p := g.TryAcquire(); p != nil {
		return p, nil
	}
	w := &waiter{done: make(chan struct{})}
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

// QueueFull reports whether a request that came now would be refused with ErrQueueFull.
func (g *Group) QueueFull() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.queueFull()
}

// Release gives back a process that was lent.
func (g *Group) Release(p *Process) { g.less(p, (*groupState).giveBack) }

// Hold makes the request that p was lent to a long-lived connection: a WebSocket, an event stream. It
// takes no room among p's requests, is waited for longer when p is to go, and ends with Drop instead
// of Release.
func (g *Group) Hold(p *Process) { g.less(p, (*groupState).hold) }

// Drop ends a long-lived connection to p.
func (g *Group) Drop(p *Process) { g.less(p, (*groupState).drop) }

// less takes load from p. As a rule nothing comes of it, and then it costs next to nothing.
func (g *Group) less(p *Process, event func(*groupState, *Process) bool) {
	g.mu.Lock()
	if !event(&g.state, p) {
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

// Doubt says that a process ended a connection without an answer, which most often is the first that
// is seen of its death. It is lent only if there is no other, for about a second. What is returned is
// closed when it is gone.
func (g *Group) Doubt(p *Process) (gone <-chan struct{}) {
	g.do(func(s *groupState, now time.Time) { s.doubt(now, p) })
	return p.gone
}

// Snapshot returns what the group is now.
func (g *Group) Snapshot() GroupSnapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.snapshot(time.Now())
}

// Restart replaces every process by one of the request's release, without losing a request. It
// returns at once, and how far it is then; WaitRestart waits for the end.
func (g *Group) Restart(req RestartRequest) (s RestartSnapshot) {
	id := "r-" + strings.ToLower(crand.Text()[:12]) // no other run of purser makes the same
	g.do(func(state *groupState, now time.Time) {
		s = state.restartSnapshot(state.restart(now, id, req))
	})
	return s
}

// WaitRestart waits until a restart has ended, and returns how. If ctx ends before, it returns how
// the restart stands, with the cause. A restart that nobody remembers is an error.
func (g *Group) WaitRestart(ctx context.Context, id string) (RestartSnapshot, error) {
	return g.await(ctx, id, func(s RestartSnapshot) bool { return s.State != RestartRunning })
}

// WaitProgress is like WaitRestart, but also returns when the restart has more than so many steps.
func (g *Group) WaitProgress(ctx context.Context, id string, steps int) (RestartSnapshot, error) {
	return g.await(ctx, id, func(s RestartSnapshot) bool { return s.State != RestartRunning || len(s.Steps) > steps })
}

func (g *Group) await(ctx context.Context, id string, enough func(RestartSnapshot) bool) (RestartSnapshot, error) {
	for {
		s, progress, ok := g.look(id)
		switch {
		case !ok:
			return s, fmt.Errorf("cannot wait for restart %q of app %q: it is unknown, or long past", id, g.app.Name)
		case enough(s):
			return s, nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return s, context.Cause(ctx)
		}
	}
}

// look returns how a restart stands, and what is closed when any takes a further step.
func (g *Group) look(id string) (s RestartSnapshot, progress <-chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.progress == nil {
		g.progress = make(chan struct{})
	}
	for _, r := range g.state.restarts {
		if r.id == id {
			return g.state.restartSnapshot(r), g.progress, true
		}
	}
	return s, nil, false
}

// close turns new requests away, lets running ones end and stops every process. What is left when
// ctx ends is killed. It returns when the last is gone.
func (g *Group) close(ctx context.Context) error {
	g.do((*groupState).close)
	killed := make(chan int, 1)
	stop := context.AfterFunc(ctx, func() { killed <- g.killAll() })
	g.children.Wait()
	late := 0
	if !stop() {
		late = <-killed
	}
	g.stopTime()
	g.clock.Wait()
	if late > 0 {
		return fmt.Errorf("cannot stop app %q in time, so %d processes were killed: %w", g.app.Name, late, context.Cause(ctx))
	}
	return nil
}

func (g *Group) killAll() (killed int) {
	g.do(func(s *groupState, now time.Time) { killed = s.killAll(now) })
	return killed
}

// yield and idleSince are for the pool, when another group needs room.

func (g *Group) yield() (yielded bool) {
	g.do(func(s *groupState, now time.Time) { yielded = s.yield(now) })
	return yielded
}

func (g *Group) idleSince() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.idleSince(time.Now())
}
