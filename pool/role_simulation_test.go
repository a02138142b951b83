package pool

import (
	"slices"
	"strings"
	"time"

	"purser/conf"
)

// This file is the workers of the simulated world, and what has to hold of them.

// inventWorkers gives an app some workers, or none.
func (g *simGroup) inventWorkers(app *conf.App) {
	w := g.world
	if w.chance(50) {
		return
	}
	for _, name := range []string{"jobs", "mail"}[:1+w.rand.IntN(2)] {
		worker := conf.NewWorker(name)
		worker.Count, worker.StopTimeout = w.rand.IntN(4), w.between(time.Second, 8*time.Second)
		if w.chance(40) {
			worker.Order = conf.BeforeWeb
		}
		app.SetWorker(worker)
	}
	g.invented = app.Workers
}

// changeWorkers changes what takes no restart. More time is given, not less: who is to exit may have been told already.
// Some are taken out of the configuration, and come back.
func (g *simGroup) changeWorkers(app *conf.App) {
	w := g.world
	for _, worker := range app.Workers {
		worker.Count = w.rand.IntN(4)
		app.SetWorker(worker)
	}
	switch missed := slices.DeleteFunc(slices.Clone(g.invented), func(worker conf.Worker) bool { _, there := app.Worker(worker.Name); return there }); {
	case len(missed) > 0 && w.chance(60):
		app.SetWorker(missed[0])
		g.edit(*app)
		if r := g.state.role(missed[0].Name); r != nil {
			w.seen["a worker comes back while it still stops"]++
		}
		if w.chance(80) {
			w.after(0, g.restart)
		}
	case len(app.Workers) > 0 && w.chance(40):
		gone := app.Workers[w.rand.IntN(len(app.Workers))].Name
		app.Workers = slices.DeleteFunc(slices.Clone(app.Workers), func(worker conf.Worker) bool { return worker.Name == gone })
		g.knows[g.config] = *app
		w.after(w.between(0, 2*time.Second), g.configure)
	}
}

// edit has restarts bring another configuration from now on.
func (g *simGroup) edit(app conf.App) {
	g.config++
	g.knows[g.config] = app
}

// patienceFor is how long a process has to exit.
func (g *simGroup) patienceFor(p *Process) time.Duration {
	if r := g.state.role(p.role); r != nil {
		return r.StopTimeout
	}
	return g.state.app.StopTimeout
}

// startsWorker is what follows when a worker has been forked.
func (g *simGroup) startsWorker(p *Process, f *fate) {
	w := g.world
	boot := w.between(0, 50*time.Millisecond)
	w.after(boot, func() { g.boot(f) })
	switch kind := f.order.Release.Revision; {
	case kind == "jobless", !w.calm && (kind == "flaky" && w.chance(50) || w.chance(3)):
		g.exit(p, boot+w.between(0, workerProves-time.Millisecond-boot), "cannot start")
	case kind == "young" && !w.calm:
		g.exit(p, boot+w.between(workerProves, 2*workerProves), "dies young")
	}
}

// troubleWorkers has a worker end, or an operator detach it.
func (g *simGroup) troubleWorkers() {
	all := slices.DeleteFunc(g.state.workers(), func(p *Process) bool { return p.state >= Stopping || p.child == nil })
	if len(all) == 0 {
		return
	}
	p := all[g.world.rand.IntN(len(all))]
	if g.world.chance(70) {
		g.exit(p, 0, "ends")
		return
	}
	g.event("a worker is detached", func(now time.Time) { g.state.recycleWorker(now, p, "detached by an operator") })
	g.world.seen["a worker is detached"]++
}

// checkWorker: a worker is started of code that serves, never beside one of another generation, and never one more of
// its role than there are to be.
func (g *simGroup) checkWorker(p *Process) {
	s, n, now := g.state, p.generation, g.world.now
	if s.resisting() && n == s.good {
		g.world.seen["old workers come back"]++
	}
	r, run := s.role(p.role), s.running()
	switch {
	case s.closed:
		g.fail("worker %d is started after close", p.number)
	case s.overwritten(n):
		g.fail("I1: worker %d is started of generation %d, but its folder holds newer code", p.number, n.number)
	case n.rejected():
		g.fail("I6: worker %d is started of generation %d, which was taken back", p.number, n.number)
	case !n.worked() && (s.app.MinProcesses > 0 || run != nil):
		g.fail("I6: worker %d is started of generation %d, of which nothing has served", p.number, n.number)
	case r.others(now, n):
		g.fail("worker %d is started beside one of another generation", p.number)
	case r.living(now) > r.Count:
		g.fail("worker %d is the %dth of %s, %d are to run", p.number, r.living(now), r.Name, r.Count)
	case !g.knowsWorker(p):
		g.fail("worker %d is started with a configuration that has no %s", p.number, p.role)
	case now.Before(r.retryAt):
		g.fail("worker %d is started in the pause after one that failed", p.number)
	case run.waits() && run.generation == n:
		g.fail("worker %d is of a canary", p.number)
	}
}

func (g *simGroup) knowsWorker(p *Process) bool {
	app := g.knows[p.generation.config]
	_, there := app.Worker(p.role)
	return there
}

// checkWorkers looks at all workers after an event.
func (g *simGroup) checkWorkers(c *course) {
	s := g.state
	for _, r := range s.roles {
		for i, p := range r.procs {
			f := g.children[p]
			switch {
			case f == nil || p.state == Gone:
				g.fail("worker %d is gone, but still there", p.number)
			case i > 0 && r.procs[i-1].number >= p.number:
				g.fail("workers are out of order")
			case p.state == Draining || p.state == Standby:
				g.fail("worker %d is %v", p.number, p.state)
			case p.state < Stopping && (s.closed || p.generation != r.of):
				g.fail("worker %d of generation %d goes on", p.number, p.generation.number)
			case p.state == Stopping && p.child != nil && f.stops == 0 && !p.asked.Load() && f.kills == 0:
				g.fail("worker %d stops, but nobody told it", p.number)
			case p.child != nil && p.stage < killed && s.hurried:
				g.fail("time has run out, but worker %d lives on", p.number)
			}
			if due := r.deadlineOf(p, s.hurried); !due.IsZero() {
				g.checkAlarm(due)
			} else if p.child != nil && p.state != Ready && p.stage < killed {
				g.fail("I12: worker %d is %v without a deadline", p.number, p.state)
			}
		}
	}
	g.checkOrder(c)
}

// checkOrder: with order = "before", the new web does not serve beside old workers.
func (g *simGroup) checkOrder(c *course) {
	run := g.state.running()
	if run == nil || !c.awaitsWorkers(run) {
		return
	}
	booted := g.state.count(func(p *Process) bool { return p.generation == run.generation && p.state == Spawning && p.child != nil })
	if booted > 0 {
		g.world.seen["the new web waits for old workers"]++
	}
}

// checkNoOldWorker: I4, no worker of other code lives once a restart is done, and all of its code are there: but for
// that of a rollback to code that is no longer on disk, of which only what was kept can serve.
func (g *simGroup) checkNoOldWorker(done RestartSnapshot) {
	for _, r := range g.state.roles {
		if ready := r.ready(g.state.target()); r.kept && ready < r.Count && g.state.target().config >= r.from && !g.state.overwritten(g.state.target()) {
			g.fail("I4: the restart is done, and %d workers of %s are ready, not %d", ready, r.Name, r.Count)
		}
		for _, p := range r.procs {
			if p.generation.number != done.Generation && !p.lost(g.world.now) {
				g.fail("I4: the restart is done, but worker %d of generation %d is %v", p.number, p.generation.number, p.state)
			}
		}
	}
}

// noteFailedRestart counts restarts that fail by their workers.
func (g *simGroup) noteFailedRestart(r RestartSnapshot) {
	if r.Failure != nil && strings.HasPrefix(r.Failure.Reason, "worker ") {
		g.world.seen["a worker does not start and its restart fails"]++
	}
}

// wrongWorkers says what is not yet as it should be with the workers, if nothing goes wrong any more.
func (g *simGroup) wrongWorkers(target *generation) string {
	if target.bad() || target.release.Revision == "jobless" || g.state.overwritten(target) {
		return ""
	}
	for _, r := range g.state.roles {
		if count := map[bool]int{true: r.Count}[r.kept && target.config >= r.from]; r.ready(target) != count || r.others(g.world.now, target) {
			return "of " + r.Name + " not all workers run"
		}
	}
	return ""
}
