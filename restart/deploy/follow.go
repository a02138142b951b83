package deploy

import (
	"sync"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/restart"
)

// A follower tells what happens in the pool, in its order, in a goroutine of its own, so that a slow
// folder or hook delays no request.
type follower struct {
	pool *pool.Pool
	tell func(pool.Event)
	log  hclog.Logger
	asks chan chan struct{} // each is closed when all that happened before has been told
	over chan struct{}      // closed when nothing more will happen
	work sync.WaitGroup
}

func follow(p *pool.Pool, tell func(pool.Event), log hclog.Logger) *follower {
	f := &follower{pool: p, tell: tell, log: log, asks: make(chan chan struct{}), over: make(chan struct{})}
	f.work.Go(f.run)
	return f
}

func (f *follower) run() {
	var asked []chan struct{}
	for last, over := uint64(0), false; ; {
		events, lost, more := f.pool.Events(last)
		if lost > 0 {
			f.log.Error("events came faster than they could be followed", "lost", lost)
			last += lost
		}
		for _, e := range events {
			f.tell(e)
			last = e.Seq
		}
		if len(events) > 0 {
			continue
		}
		for _, told := range asked {
			close(told)
		}
		if asked = nil; over {
			return
		}
		select {
		case <-more:
		case told := <-f.asks:
			asked = append(asked, told)
		case <-f.over:
			over = true
		}
	}
}

// catchUp returns when all that has happened so far has been told.
func (f *follower) catchUp() {
	told := make(chan struct{})
	f.asks <- told
	<-told
}

// close tells what has happened so far, and returns when that is done.
func (f *follower) close() {
	close(f.over)
	f.work.Wait()
}

// happened does what has to follow an event: the note in the app's folder when a restart has ended, the
// marks that are settled by it, and the hooks.
func (d *Deployer) happened(e pool.Event) {
	if d.seen != nil {
		d.seen(e)
	}
	g, a := d.pool.Group(e.App), d.app(e.App)
	if g == nil || a == nil {
		return
	}
	// What did not start may do so without a restart. Nothing else that processes do is kept.
	if e.Kind == "restart" || d.memo.of(e.App).TakenBack != nil {
		d.memo.note(e.App, g.Past)
	}
	switch {
	case e.Kind == "process" && e.What == "gone":
		d.checker.Gone(e.App, e.Process)
	case e.Kind == "restart":
		if r, known := d.pool.Restart(e.Restart); known != nil {
			a.restartWent(g, r, e.What)
		}
	}
	hooks := a.now().Hooks
	if name, command := hookFor(hooks, e); !command.IsZero() {
		variables, facts := factsOf(g, e)
		a.hooks.put(hookRun{a.hookOf(name, command, hooks.Timeout), variables, facts})
	}
}

func (a *App) restartWent(g *pool.Group, r pool.RestartSnapshot, what string) {
	switch {
	case what == "requested" && r.Strategy == pool.Rollback:
		a.deployer.checker.Requested(a.name) // what is on disk is not to be gone forward to by itself
	case string(r.State) == what && r.Ended != nil:
		a.deployer.landed(a.name)
		a.ended(r)
		a.note(g, r)
	}
}

// note writes down how a restart ended, where a deploy script may look: below the app's root, or where
// that leads nowhere, in the release that serves.
func (a *App) note(g *pool.Group, r pool.RestartSnapshot) {
	if a.now().Restart.File == "" {
		return
	}
	err := restart.WriteStatus(a.disk(), a.now().Root, a.now().Restart.File, r)
	for _, release := range g.Releases() {
		if err == nil {
			return
		}
		err = restart.WriteStatus(a.disk(), release.Path, a.now().Restart.File, r)
	}
	if err != nil {
		a.log.Debug("cannot write how the restart ended", "error", err)
	}
}
