package pool

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A Group is the processes of one app, and the queue of requests for them. Pool.Add makes it. Its
// methods may be called at any time, from any goroutine.
type Group struct {
	name     string // of the app
	log      hclog.Logger
	spawn    SpawnFunc
	boots    *boots[*Group]
	journal  *journal
	cap      poolCap
	children sync.WaitGroup // one goroutine per process
	end      chan struct{}  // closed when the last child is gone for good
	clock    sync.WaitGroup // the goroutine of keepTime
	releases atomic.Pointer[[]Release]
	leads    atomic.Int64 // the number of the generation whose answers count
	serves   atomic.Bool  // something is ready

	// mu guards what follows. The pool's mutex may be taken under it, but no other group's; and
	// nothing slow happens under it: logs and observers come after.
	mu       sync.Mutex
	state    groupState
	timer    *time.Timer
	alarm    time.Time     // when timer goes off; past = it is about to; zero = it does not
	progress chan struct{} // closed when a restart takes a step; nil if nobody looks
	noting   noting
	adopted  []*Process // that another purser has started, until GoOn
	news     []func()   // to be told once mu is free
	telling  bool       // somebody does that
	freed    bool       // others may get a slot of the pool now
	seen     int        // moves of the state when releases was made
	ended    bool       // end is closed
}

// A poolCap is what is over all groups of a pool, for as many processes as may be alive. All but kick report
// whether others may get a slot now, and then are to be kicked once no group is locked.
type poolCap interface {
	claim(g *Group, n need, surge int) (claimed bool)
	wait(g *Group, n need, promised bool) (matters bool)
	leave(g *Group) (matters bool)
	release(g *Group) (matters bool)
	surplus(g *Group) int
	reserve(g *Group, least int)
	kick()
}

func newGroup(app conf.App, release Release, spawn SpawnFunc, log hclog.Logger) *Group {
	g := &Group{
		name:  app.Name,
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
	return g
}

// do applies one event to the state, sets the timer for what follows, and tells the world.
func (g *Group) do(event func(*groupState, time.Time)) {
	defer endBroken()
	g.mu.Lock()
	now := time.Now()
	event(&g.state, now)
	g.unlock(now)
}

// unlock ends an event that may have changed something.
func (g *Group) unlock(now time.Time) {
	g.setTimer(now)
	g.noteReleases()
	if serves := len(g.state.lendable.heap) > 0; serves != g.serves.Load() {
		g.serves.Store(serves)
	}
	g.noteChanges()
	freed := g.freed
	g.freed = false
	g.tell()
	g.mu.Unlock()
	if freed {
		g.cap.kick()
	}
}

// noteReleases keeps what Releases returns.
func (g *Group) noteReleases() {
	if g.seen == g.state.moves {
		return
	}
	g.seen = g.state.moves
	s := &g.state
	serves := s.serves(s.wanted)
	g.leads.Store(int64(s.leading(serves).number))
	if now := s.releases(serves, s.alive()); !slices.Equal(now, g.Releases()) {
		g.releases.Store(&now)
	}
}

// tell says what there is to say, in the order in which it happened, without holding mu meanwhile.
// If somebody does so already, he goes on with it.
func (g *Group) tell() {
	if g.telling {
		return
	}
	g.telling = true
	for len(g.news) > 0 {
		news := g.news
		g.news = nil
		g.mu.Unlock()
		for _, say := range news {
			say()
		}
		g.mu.Lock()
	}
	g.telling = false
}

// setTimer makes the timer go off at the next deadline. It is left alone unless it has to go off
// earlier: then it goes off for nothing now and then, but is not set with every request.
func (g *Group) setTimer(now time.Time) {
	next := g.state.deadline(now)
	if next.IsZero() || !g.alarm.IsZero() && !next.Before(g.alarm) {
		return
	}
	g.alarm = next
	g.timer.Reset(next.Sub(now))
}

// keepTime settles whenever the timer goes off, until the group has ended.
func (g *Group) keepTime() {
	for {
		select {
		case <-g.timer.C:
			g.do(func(s *groupState, now time.Time) {
				g.alarm = time.Time{}
				s.settle(now)
			})
		case <-g.end:
			g.timer.Stop()
			return
		}
	}
}

func (g *Group) stopTime() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		close(g.end)
	}
}

// run is the life of one process, from spawn to reap.
func (g *Group) run(ctx context.Context, p *Process, o Order) {
	child, err := g.boot(ctx, p, o)
	g.attend(p, child, err)
}

// attend is the life of one process once its spawn has returned.
func (g *Group) attend(p *Process, child Child, err error) {
	if err == nil {
		err = child.Wait()
	}
	p.cancel()
	if g.hasYielded() {
		return // whatever becomes of it, the owner says so
	}
	p.leaves()
	known := false
	g.do(func(s *groupState, now time.Time) { known = s.exited(now, p, err) })
	if known {
		close(p.gone)
	}
}

// boot spawns p's child once it is its turn.
func (g *Group) boot(ctx context.Context, p *Process, o Order) (Child, error) {
	turn, err := g.boots.await(ctx, g)
	if err != nil {
		return nil, err
	}
	defer turn.end()
	if ctx.Err() != nil { // given up as its turn came
		return nil, context.Cause(ctx)
	}
	child, err := g.spawn(ctx, o)
	if err != nil {
		return nil, err
	}
	known := false
	g.do(func(s *groupState, now time.Time) { known = s.booted(now, p, child) })
	if !known {
		yieldChild(child)
	}
	return child, err
}

// groupDriver is a Group as its own state sees it. Its methods run with mu held.
type groupDriver struct{ *Group }

func (g groupDriver) claim(n need, surge int) bool { return g.cap.claim(g.Group, n, surge) }

// Once mu is free, others look again if these may let them have a slot.

func (g groupDriver) release() { g.freed = g.cap.release(g.Group) || g.freed }
func (g groupDriver) wait(n need, promised bool) {
	g.freed = g.cap.wait(g.Group, n, promised) || g.freed
}
func (g groupDriver) leave() { g.freed = g.cap.leave(g.Group) || g.freed }

func (g groupDriver) spawn(p *Process) {
	ctx, o, noted := g.prepare(p), g.orderOf(p), make(chan struct{})
	g.children.Go(func() {
		<-noted
		g.run(ctx, p, o)
	})
	g.after(effect{p: p, do: func() { close(noted) }})
}

func (g groupDriver) abort(p *Process) { p.cancel() }

// stop has p's long-lived connections know of it first: a child that exits at once would seem to have
// crashed otherwise.
func (g groupDriver) stop(p *Process) {
	g.after(effect{p: p, tells: true, do: func() {
		p.asked.Store(true)
		p.leaves()
		p.child.Stop()
	}})
}

func (g groupDriver) refork(p *Process) {
	answered := p.answered()
	g.after(effect{p: p, tells: true, do: func() {
		p.asked.Store(true)
		p.leaves()
		p.child.(Reforker).Refork(int64(answered))
	}})
}

// over has a generation begin anew should an operator go back to it.
func (g groupDriver) over(n *generation) {
	close(n.over)
	n.over = nil
}

func (g groupDriver) trace(p *Process) bool { return p.child.Backtrace() }
func (g groupDriver) kill(p *Process)       { g.after(effect{p: p, do: p.child.Kill}) }
func (g groupDriver) answer(w *waiter)      { close(w.done) }

func (g groupDriver) happened(e Event) {
	e.App = g.name
	g.after(effect{do: func() { g.journal.add(e) }})
}

func (g groupDriver) moved() {
	if g.progress != nil {
		close(g.progress)
		g.progress = nil
	}
}

func (g groupDriver) note(level hclog.Level, message string, pairs ...any) {
	g.news = append(g.news, func() { g.log.Log(level, message, pairs...) })
}

func (g *Group) serving() bool { return g.serves.Load() }
