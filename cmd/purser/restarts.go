package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/spawn/keeper"
	"purser/status"
)

// restarts begins the restarts that are asked for, from wherever.
type restarts struct {
	pool    *pool.Pool
	keeper  *keeper.Keeper // runs the hooks
	checker *restart.Checker
	prints  *prints
	log     hclog.Logger
	turns   map[string]chan struct{} // of each app: whose turn it is to have a restart prepared

	ctx    context.Context // ends what is being prepared
	cancel context.CancelFunc
	begun  sync.WaitGroup // one for each touch that is being prepared

	mu      sync.Mutex // guards what follows
	touched map[string]*time.Timer
	marks   map[string][]restart.Mark // what each restart that runs settles when it is done, by its id
}

// An order is one restart as it was asked for.
type order struct {
	status.Order
	settle time.Duration // that of a touch, else 0
	insist bool
}

func newRestarts(p *pool.Pool, k *keeper.Keeper, apps []conf.App, log hclog.Logger) *restarts {
	r := &restarts{pool: p, keeper: k, prints: newPrints(), log: log.Named("restart"), turns: map[string]chan struct{}{},
		touched: map[string]*time.Timer{}, marks: map[string][]restart.Mark{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for _, app := range apps {
		r.turns[app.Name] = make(chan struct{}, 1)
		if restart.AlwaysIgnored(app) {
			r.log.Warn("always_restart.txt is for development only, and ignored", "app", app.Name, "environment", app.Environment)
		}
	}
	r.checker = restart.NewChecker(apps, r.processes, r.onTouch, log)
	return r
}

// live is the release that an app is wanted to run.
func (r *restarts) live(app string) string { return r.pool.Group(app).Snapshot().Release.Path }

// processes are those of an app that serve. At the very start there are none.
func (r *restarts) processes(app string) []restart.Process {
	g := r.pool.Group(app)
	if g == nil {
		return nil
	}
	return r.prints.live(g.Snapshot())
}

// onTouch is called when an app's restart file was touched, or its code has changed. With a
// before_restart hook nothing begins before the touches have been quiet: so it runs once.
func (r *restarts) onTouch(app, reason string) {
	g := r.pool.Group(app)
	settle := g.App().Restart.Settle
	if g.App().Hooks.BeforeRestart.IsZero() {
		r.begin(g, order{Order: status.Order{Reason: reason}, settle: settle}) // its error is logged
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	if timer := r.touched[app]; timer != nil && timer.Stop() {
		timer.Reset(settle) // it had not gone off, so it is for both
		return
	}
	r.begun.Add(1)
	r.touched[app] = time.AfterFunc(settle, func() {
		defer r.begun.Done()
		r.begin(g, order{Order: status.Order{Reason: reason}})
	})
}

// onSignal restarts every app.
func (r *restarts) onSignal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	for _, g := range r.pool.Groups() {
		r.begun.Go(func() { r.begin(g, order{Order: status.Order{Reason: "SIGUSR1"}}) })
	}
}

// onOrder is called for the admin API.
func (r *restarts) onOrder(g *pool.Group, o status.Order) (pool.RestartSnapshot, error) {
	return r.begin(g, order{Order: o})
}

// fresh has an app in development serve a request by code that was loaded after it came, as long as its
// always_restart.txt is there. It returns the generation that may.
func (r *restarts) fresh(app string) (int, error) {
	g := r.pool.Group(app)
	if !restart.Always(g.App()) {
		return 0, nil
	}
	if s := g.Snapshot().Restart; s != nil && s.State == pool.RestartRunning && s.Replaced == 0 {
		return s.Generation, nil // its processes are about to load the code
	}
	begun, err := r.begin(g, order{Order: status.Order{Strategy: pool.Blocking, Reason: "always_restart.txt"}, insist: true})
	return begun.Generation, err
}

// begin prepares a restart and begins it. The release is resolved once for the whole of it, after the
// before_restart hook, which may still prepare it. If the hook fails, or the app's root leads nowhere,
// what serves goes on serving.
func (r *restarts) begin(g *pool.Group, o order) (pool.RestartSnapshot, error) {
	select {
	case r.turns[g.Name()] <- struct{}{}:
	case <-r.ctx.Done():
		return pool.RestartSnapshot{}, errors.New("purser is stopping")
	}
	defer func() { <-r.turns[g.Name()] }()
	request := pool.RestartRequest{Strategy: o.Strategy, Reason: o.Reason, Canary: o.Canary, Settle: o.settle, Insist: o.insist}
	if err := r.ask(g, o); err != nil {
		r.log.Error("restart refused", "app", g.Name(), "error", err)
		return g.RefuseRestart(request, "the "+err.Error(), linesOf(err)), nil
	}
	marks := r.checker.Requested(g.Name())
	release, err := restart.Identify(g.App().Root)
	if err != nil {
		r.log.Error("cannot restart, the old code serves on", "app", g.Name(), "error", err)
		return pool.RestartSnapshot{}, fmt.Errorf("%w; the old code serves on", err)
	}
	request.Release, request.Memory = pool.Release(release), memoryFor(g.Snapshot())
	r.mu.Lock() // what follows the events may ask for the marks as soon as there is a restart
	defer r.mu.Unlock()
	begun := g.Restart(request)
	r.marks[begun.ID] = marks
	return begun, nil
}

// ask runs the before_restart hook, if there is one.
func (r *restarts) ask(g *pool.Group, o order) error {
	command := g.App().Hooks.BeforeRestart
	if command.IsZero() {
		return nil
	}
	hook := hookOf(r.keeper, g.App(), "before_restart", command, r.log)
	variables, facts := factsOf(g, pool.Event{App: g.Name(), At: time.Now(), Kind: "restart", What: "asked", Why: o.Reason})
	return hook.Run(r.ctx, variables, facts)
}

// ended takes note that a restart has ended. One that is done settles the marks that it was begun for.
func (r *restarts) ended(s pool.RestartSnapshot) {
	r.mu.Lock()
	marks := r.marks[s.ID]
	delete(r.marks, s.ID)
	r.mu.Unlock()
	if s.State == pool.RestartDone {
		r.checker.Settled(s.App, marks)
	}
}

// mark notes that an app needs a restart.
func (r *restarts) mark(app, reason string) error {
	return restart.WriteMark(r.pool.Group(app).App().Root, reason)
}

// needs is why an app needs a restart.
func (r *restarts) needs(app string) []status.Need {
	var needs []status.Need
	for _, n := range r.checker.Needs(app) {
		needs = append(needs, status.Need{Kind: n.Kind, Reason: n.Reason, File: n.File, Since: n.Since, PIDs: n.PIDs})
	}
	return needs
}

// close gives up what is being prepared, and returns when it has ended.
func (r *restarts) close() {
	r.mu.Lock()
	r.cancel()
	for _, timer := range r.touched {
		if timer.Stop() {
			r.begun.Done()
		}
	}
	r.mu.Unlock()
	r.begun.Wait()
}
