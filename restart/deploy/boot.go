package deploy

import (
	"context"
	"time"

	"purser/pool"
	"purser/restart"
)

// Noting has each start of a process noted, for the pool: what was on disk before it is what the process is
// of, and what it writes meanwhile is its own doing.
func (a *App) Noting(spawn pool.SpawnFunc) pool.SpawnFunc {
	checker := a.deployer.checker
	return func(ctx context.Context, o pool.Order) (pool.Child, error) {
		if o.Worker != "" {
			return spawn(ctx, o) // it is not asked which code serves
		}
		checker.Booting(o.App, o.Process, o.Generation, o.Release.Path)
		child, err := spawn(ctx, o)
		pid := 0
		if err == nil {
			pid = child.PID()
		}
		checker.Booted(o.App, o.Process, pid)
		if err == nil {
			noteForked(checker, o.App, o.Process, child)
		}
		return child, err
	}
}

// A Preloaded is a child that may have been forked from one that had loaded the app: these are the times when that
// began to, and when it had; zero if it was not.
type Preloaded interface {
	Preloaded() (began, loaded time.Time)
}

func noteForked(checker *restart.Checker, app string, number int, child any) {
	if from, may := child.(Preloaded); may {
		if began, loaded := from.Preloaded(); !loaded.IsZero() {
			checker.Forked(app, number, began, loaded)
		}
	}
}

// Adopted has a process known that a front of purser before this one has started, and that was ready when its Began
// says.
func (a *App) Adopted(p restart.Process, child Preloaded) {
	a.deployer.checker.Adopted(a.name, p)
	noteForked(a.deployer.checker, a.name, p.Number, child)
}

// processes are those of an app that serve. Before its group is made there are none.
func (d *Deployer) processes(app string) []restart.Process {
	g := d.pool.Group(app)
	if g == nil {
		return nil
	}
	var ready []restart.Process
	for _, p := range g.Snapshot().Processes {
		if p.State == "ready" {
			ready = append(ready, restart.Process{Number: p.Number, PID: p.PID, Generation: p.Generation, Release: p.Release, Began: p.Started})
		}
	}
	return ready
}

// reexecuted replaces a process that has replaced itself: nobody knows which code it runs now.
func (d *Deployer) reexecuted(app string, p restart.Process) {
	if g := d.pool.Group(app); g != nil {
		g.Replace(p.PID, "it has replaced its own program")
	}
}
