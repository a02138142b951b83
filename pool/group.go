package pool

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	releases atomic.Pointer[[]Release]

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
	seen     int           // moves of the state when releases was made
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
	g.seen = -1
	g.state = newGroupState(app, release, groupDriver{g}, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	g.releases.Store(new([]Release))
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
//
// Pin is the number of the oldest generation that may serve the request; 0 is any. A generation that
// was taken back is not insisted on.
func (g *Group) TryAcquire(pin int) *Process {
	g.mu.Lock()
	p := g.state.lend(pin)
	g.mu.Unlock()
	return p
}

// Acquire lends a ready process, waiting for one if it must. The caller must Release or Hold it. Pin
// is that of TryAcquire.
// The error is ErrQueueFull, ErrQueueTimeout, ErrClosed, a *StartError if nothing serves and nothing
// can be started, or the cause of ctx's end.
func (g *Group) Acquire(ctx context.Context, pin int) (*Process, error) {
	if p := g.TryAcquire(pin); p != nil {
		return p, nil
	}
	w := &waiter{done: make(chan struct{}), pin: pin}
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

// Release gives back a process that was lent, and says how it went.
func (g *Group) Release(p *Process, o Outcome) {
	g.mu.Lock()
	g.relieved(p, g.state.giveBack(p, o))
}

// Hold makes the request that p was lent to a long-lived connection: a WebSocket, an event stream. It
// takes no room among p's requests, is waited for longer when p is to go, and ends with Drop instead
// of Release.
func (g *Group) Hold(p *Process) {
	g.mu.Lock()
	g.relieved(p, g.state.hold(p))
}

// Drop ends a long-lived connection to p.
func (g *Group) Drop(p *Process) {
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

// Doubt says that a process ended a connection without an answer, which most often is the first that
// is seen of its death. It is lent only if there is no other, for about a second. What is returned is
// closed when it is gone.
func (g *Group) Doubt(p *Process) (gone <-chan struct{}) {
	g.do(func(s *groupState, now time.Time) { s.doubt(now, p) })
	return p.gone
}

// Releases returns where the app's code lies, newest first: the release that serves or takes over,
// those of older processes that live, and the last good one. It is the same slice for as long as
// nothing has changed, and must not be changed.
func (g *Group) Releases() []Release { return *g.releases.Load() }

// Snapshot returns what the group is now.
func (g *Group) Snapshot() GroupSnapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.snapshot(time.Now())
}

// Restart replaces every process by one of the request's release, without losing a request. It
// returns at once, and how far it is then; WaitRestart waits for the end. A restart that cannot be is
// returned as one that has failed.
func (g *Group) Restart(req RestartRequest) (s RestartSnapshot) {
	g.do(func(state *groupState, now time.Time) {
		s = state.restartSnapshot(state.restart(now, newID(), req))
	})
	return s
}

// RefuseRestart records a restart that was asked for and may not be, for a reason that the pool does
// not know. What runs goes on.
func (g *Group) RefuseRestart(req RestartRequest, reason string, output []string) (s RestartSnapshot) {
	g.do(func(state *groupState, now time.Time) {
		r := state.newRestart(now, newID(), req, nil)
		r.failure = &Failure{At: now, Generation: r.generation.number, Reason: reason, Output: output, ErrorID: state.errorID()}
		state.refuseRestart(now, r)
		s = state.restartSnapshot(r)
	})
	return s
}

// Rollback takes the newest code back: what worked before it serves again, at once where processes of
// it still live, else by respawn from its own folder. A restart that runs fails by that. It returns
// at once, as Restart does. The error is ErrNothingOlder, ErrOverwritten or ErrClosed.
func (g *Group) Rollback(reason string) (s RestartSnapshot, err error) {
	return g.order(func(state *groupState, now time.Time) (*restart, error) { return state.rollback(now, newID(), reason) })
}

// Promote lets a restart go on that has stopped at its canary. The error is ErrNoCanary.
func (g *Group) Promote() (RestartSnapshot, error) { return g.order((*groupState).promote) }

func (g *Group) order(event func(*groupState, time.Time) (*restart, error)) (s RestartSnapshot, err error) {
	g.do(func(state *groupState, now time.Time) {
		var r *restart
		if r, err = event(state, now); err == nil {
			s = state.restartSnapshot(r)
		}
	})
	return s, err
}

// Detach replaces the ready process with that pid: it gets no new request from now on, and exits once
// it has answered those that it has. It reports false if there is none.
func (g *Group) Detach(pid int) (found bool) {
	g.do(func(s *groupState, now time.Time) { found = s.detach(now, pid) })
	return found
}

// newID returns what no other run of purser makes.
func newID() string { return "r-" + strings.ToLower(crand.Text()[:12]) }

// Restarts returns how the last restarts stand or ended, up to 20 of them, newest first.
func (g *Group) Restarts() []RestartSnapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []RestartSnapshot
	for _, r := range slices.Backward(g.state.restarts) {
		all = append(all, g.state.restartSnapshot(r))
	}
	return all
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
