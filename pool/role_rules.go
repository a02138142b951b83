package pool

import (
	"time"

	"purser/conf"
)

// This file is the rules by which there are workers. They follow the web: a restart replaces them once the new web
// serves, or just before; if it fails, the old ones come back. Workers of two generations never live at once, and never
// more of a role than are configured.

// runWorkers is the rule of a round for all roles.
func (g *groupState) runWorkers(c *course) {
	for _, r := range g.roles {
		g.assign(g.fresh(c), r)
		c = g.fresh(c)
		g.stopWorkers(c, r)
		g.provenWorkers(c, r)
		g.startWorkers(c, r)
	}
}

// assign says of which generation the workers of a role are to be: of the one that the group is to become, once
// that is where it can have them.
func (g *groupState) assign(c *course, r *role) {
	to := c.target()
	switch {
	case c.closed || r.of == to:
		return
	case c.mayFollow(r, to):
	case c.dropped(r):
		to = c.good
	default:
		return
	}
	before := r.of
	r.follow(to)
	g.moves++
	if before != nil && r.kept && r.Count+len(r.procs) > 0 {
		g.stepNote(c.now, c.restart, "workers", r.Name)
	}
}

// dropped reports whether the workers of a role are of code that was on its way and is not wanted any more, as a newer
// restart has begun: then one that ends cannot be replaced by its like, and the newer restart may wait for long.
func (c *course) dropped(r *role) bool {
	if r.of == nil || c.good == nil || r.of == c.good || c.good == c.target() || c.overwritten(c.good) {
		return false
	}
	return r.living(c.now) < r.Count || c.restart == nil || c.restart.waits()
}

// mayFollow reports whether workers of a role may be of n from now on.
func (c *course) mayFollow(r *role, n *generation) bool {
	run := c.restart
	if run == nil || run.generation != n || c.way.returning() {
		return c.served(n)
	}
	switch {
	case c.now.Before(run.quietAt), run.waits():
		return false
	case c.way.clears():
		return true // nothing old may live beside the new
	case r.Order == conf.BeforeWeb && c.bootedEnough(run):
		return true
	}
	return c.served(n)
}

// bootedEnough reports whether so much of a restart's generation has booted that it is put to work once the old workers
// are gone.
func (c *course) bootedEnough(run *restart) bool {
	ours := c.of(run.generation)
	if c.gathering {
		return ours.booted >= run.total
	}
	return ours.booted+ours.ready > 0
}

// served reports whether n serves, and nothing else does. An app that rests holds nothing.
func (c *course) served(n *generation) bool {
	enough := max(1, c.app.MinProcesses)
	switch {
	case n.bad() || c.outdated > 0:
		return false
	case c.restart == nil && c.app.MinProcesses == 0:
		return true
	case c.overwritten(n):
		enough = 1
	}
	return c.of(n).ready >= enough
}

// awaitsWorkers reports whether what has booted for a restart is not to serve yet, as old workers are to be gone
// before.
func (c *course) awaitsWorkers(run *restart) bool {
	if run.waits() || c.way.returning() || run.generation != c.target() {
		return false
	}
	for _, r := range c.roles {
		if r.Order == conf.BeforeWeb && r.others(c.now, run.generation) {
			return true
		}
	}
	return false
}

// olderWorkers reports whether a worker lives that is not of n.
func (c *course) olderWorkers(n *generation) bool {
	for _, r := range c.roles {
		if r.others(c.now, n) {
			return true
		}
	}
	return false
}

// staffed reports whether the workers are those of n, and all there. If the code of n is no longer on disk, none can be
// started any more.
func (c *course) staffed(n *generation) bool {
	for _, r := range c.roles {
		if r.others(c.now, n) || r.kept && n.config >= r.from && !c.overwritten(n) && (r.of != n || r.ready(n) < r.Count) {
			return false
		}
	}
	return true
}

// stopWorkers asks those to exit that are not wanted: each once.
func (g *groupState) stopWorkers(c *course, r *role) {
	left := r.wanted()
	for _, p := range r.procs {
		switch {
		case p.state >= Stopping:
		case c.closed:
			g.stopWorker(c.now, r, p, g.ending())
		case p.generation != r.of:
			g.stopWorker(c.now, r, p, "replaced by another generation")
		case left == 0:
			g.stopWorker(c.now, r, p, "not wanted any more")
		default:
			left--
		}
	}
}

// provenWorkers notes which have lived for long enough to count as ones that work.
func (g *groupState) provenWorkers(c *course, r *role) {
	for _, p := range r.procs {
		if p.state == Spawning && p.child != nil && !c.now.Before(r.deadlineOf(p, false)) {
			g.provenWorker(c.now, r, p)
		}
	}
}

// startWorkers starts those that are missing, once nothing of another generation lives. They are never code of which
// nothing has served, but for an app that rests.
func (g *groupState) startWorkers(c *course, r *role) {
	n, missing := r.of, r.wanted()-r.living(c.now)
	switch {
	case c.closed || missing <= 0 || c.now.Before(r.retryAt):
		return
	case n != c.target() && n != c.good, c.overwritten(n), r.others(c.now, n):
		return
	case !n.worked() && (c.restart != nil || c.app.MinProcesses > 0):
		return
	}
	for range missing {
		g.beginWorker(c.now, r, n)
	}
}

// awaitWorkers has the group look again when something of a role is due.
func (c *course) awaitWorkers() {
	for _, r := range c.roles {
		if !c.closed {
			c.due.at(r.retryAt)
		}
		for _, p := range r.procs {
			c.due.at(r.deadlineOf(p, c.hurried))
			if p.stage == killed {
				c.due.at(p.since.Add(lostAfter))
			}
		}
	}
}

// killWorkers kills what was asked to exit and did not.
func (g *groupState) killWorkers(c *course) {
	for _, r := range g.roles {
		for _, p := range r.procs {
			if due := r.deadlineOf(p, g.hurried); p.state == Stopping && !due.IsZero() && !c.now.Before(due) {
				g.killWorker(c.now, r, p)
				c.due.at(p.since.Add(lostAfter))
			}
		}
	}
	g.forgetRoles()
}

// workerGone follows the exit of a worker that nobody asked for.
func (g *groupState) workerGone(now time.Time, r *role, p *Process, err error) {
	if p.state == Ready && p.matured(now) {
		r.failures, r.retryAt = 0, time.Time{}
		return
	}
	early := p.state == Spawning
	r.failed(p, g.workerFailure(now, r, p, err))
	row := r.failures - 1
	if !early {
		row-- // the first that has lived for a while is replaced at once
	}
	if row >= 0 {
		r.retryAt = now.Add(pauseAfter(firstPause, row, g.rand))
	}
	if run := g.running(); run != nil && run.generation == p.generation && (early || r.failures >= maxFailures) {
		g.failForWorker(now, run, r.failure)
	}
}

// failForWorker fails a restart of which a worker does not start. The old code comes back, if there is any.
func (g *groupState) failForWorker(now time.Time, run *restart, why *Failure) {
	if g.takingOver(run, run.generation) && g.resists(run.generation) {
		g.takeBack(now, run, why)
		return
	}
	run.failure = why
	g.end(now, run, RestartFailed)
}
