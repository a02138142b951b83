package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the rules by which one generation takes over from another. How, they ask its way.

// drainReplaced lets one outdated or worn process go for each replacement that was put to work,
// unless processes have crashed meanwhile and it is needed.
func (g *groupState) drainReplaced(c *course) {
	if c.arrived == 0 && c.ready <= g.app.MaxProcesses {
		return
	}
	for _, p := range g.procs {
		if p.state != Ready || !p.replaces || c.restart.waits() && p.generation == c.restart.generation {
			continue // a canary comes on top, until it is promoted
		}
		p.replaces = false
		g.moves++
		if !p.generation.bad() && c.replaceable > 0 && c.ready > c.size {
			old := g.dispensable(c.target())
			g.retire(c.now, c.target(), old, whyReplaced(old, c.target()))
			c = g.fresh(c)
		}
	}
	for c.ready-c.beside > max(g.app.MaxProcesses, c.size) { // a crash was repaired, and a replacement came too
		g.retire(c.now, c.target(), g.dispensable(c.target()), "above max_processes")
		c = g.fresh(c)
	}
}

func whyReplaced(p *Process, target *generation) string {
	switch {
	case p.generation != target:
		return "replaced by another generation"
	case p.refork != reforkNone:
		return p.refork.String()
	}
	return "max_requests reached"
}

// drainAhead lets processes go before their replacements are there: all of them for a blocking
// restart, and for a rolling one as many as may be unavailable.
func (g *groupState) drainAhead(c *course) {
	r := c.restart
	switch {
	case r == nil || c.now.Before(r.quietAt):
	case c.way.clears() && r.generation == c.target():
		for _, p := range g.procs {
			if p.state == Ready && p.generation != r.generation {
				g.retire(c.now, c.target(), p, "makes way for another generation")
			}
		}
	case c.steady != c.target() && c.of(c.steady).spawning > 0: // the old would only be made up for, again and again
	case !c.now.Before(c.target().retryAt) && (!r.waits() || c.target().bad()):
		for m := c.missable; m > 0 && c.replaceable > 0 && c.ready > c.size-m; {
			g.retire(c.now, c.target(), g.dispensable(c.target()), "makes room for its replacement")
			c = g.fresh(c)
		}
	}
}

// drainRejected lets the processes go of what was taken back, where enough of the old code serves, or where
// it serves but cannot be spawned any more to replace them.
func (g *groupState) drainRejected(c *course) {
	if !c.wanted.rejected() || !c.resisting() || c.of(c.good).ready == 0 ||
		c.of(c.good).ready < c.size && !c.overwritten(c.good) {
		return
	}
	for _, p := range g.procs {
		if p.state == Ready && p.generation != c.good {
			g.drain(c.now, p, "taken back")
		}
	}
}

// switchOver takes the old processes away, in one step, once enough new ones have booted.
func (g *groupState) switchOver(c *course) {
	r := c.restart
	if !c.gathering || c.now.Before(r.quietAt) || c.of(r.generation).booted < r.total || c.awaitsWorkers(r) {
		return
	}
	r.switched = c.now
	g.step(c.now, r, "switched", nil)
	for _, p := range g.procs {
		switch {
		case p.generation == r.generation:
			p.replaces = false // from here on it is one of those that there are
			g.moves++
		case p.state == Ready:
			g.retire(c.now, c.target(), p, "replaced by another generation")
		}
	}
}

// heldBack reports whether p, which has booted, is not to be put to work yet: because its restart may
// be joined by more requests, or because a blue-green one has not switched. At the switch the new
// processes wait, for switch_timeout at most, until the old ones have given their last answers: so
// that no visitor sees the old after the new.
func (g *groupState) heldBack(c *course, p *Process) bool {
	r := g.restartTo(p.generation)
	switch {
	case r == nil:
		return false
	case c.now.Before(r.quietAt):
		return true
	case r.state != RestartRunning:
		return false
	}
	return c.awaitsWorkers(r) || c.way.holds(c.now, r, c.answering > c.of(r.generation).answering, g.app.Restart.SwitchTimeout)
}

// bringBack puts all that was let go of the good generation back to work, at once, when the wanted one
// was taken back.
func (g *groupState) bringBack(c *course) {
	if g.closed || !c.resisting() {
		return
	}
	for missing := c.size - c.of(c.good).ready; missing > 0; missing-- {
		p := g.revivable(c.good)
		if p == nil {
			return
		}
		g.revive(c.now, p, len(g.lendable.heap) > 0)
	}
}

// conclude ends the restart that runs if the generation that it is for has taken over, or has failed
// to.
func (g *groupState) conclude(c *course) {
	r := c.restart
	switch {
	case r != nil && c.way.returning():
		if c.allOf(r.generation) && c.staffed(r.generation) {
			g.end(c.now, r, RestartDone)
		}
	case c.wanted.bad():
		if r != nil && !c.rollingBack() {
			g.concludeFailed(c, r)
		}
	case r.waits():
		if !r.halted && c.of(r.generation).ready >= r.canary {
			r.halted = true
			g.step(c.now, r, "canary", nil)
		}
	case !c.allOf(c.wanted) || r != nil && (!c.staffed(c.wanted) || g.inProbation(c, r)):
	default:
		g.approve(c.now)
		if r != nil {
			g.end(c.now, r, RestartDone)
		}
		if c.staffed(c.wanted) {
			g.endRecovered(c.now, g.restartTo(c.wanted))
		}
	}
}

func (g *groupState) concludeFailed(c *course, r *restart) {
	if c.wanted.worked() && c.resisting() {
		g.step(c.now, r, "rolled-back", nil)
	}
	r.failure = cmp.Or(r.failure, c.wanted.failure)
	g.end(c.now, r, RestartFailed)
}

// inProbation reports whether the new generation, which has taken over, is still being watched. The
// first time it begins that.
func (g *groupState) inProbation(c *course, r *restart) bool {
	if r.probation.IsZero() && c.trying() {
		r.probation = c.now.Add(g.app.Health.Probation)
		c.due.at(r.probation)
		g.step(c.now, r, "probation", nil)
	}
	return c.now.Before(r.probation)
}

// supersede begins a restart in place of the one that runs, unless it cannot be.
func (g *groupState) supersede(now time.Time, id string, req RestartRequest, running *restart) *restart {
	next := g.newRestart(g.plot(now), id, req, running)
	if next.failure != nil {
		g.endUnbegun(now, next, RestartFailed)
		return next
	}
	g.noteGivenUp(running)
	g.dropFollowUp(now, RestartSuperseded, nil)
	if running != nil {
		g.endCanary(now, g.target(), running)
		g.end(now, running, RestartSuperseded)
	}
	g.launch(next)
	g.begun(now, next, req)
	return next
}

// launch makes r the restart that runs.
func (g *groupState) launch(r *restart) {
	g.wanted, g.spare = r.generation, r.spare
	g.moves++
	g.record(r)
}

// begun follows when r runs, or has a newer release.
func (g *groupState) begun(now time.Time, r *restart, req RestartRequest) {
	r.hold(now, req.Settle)
	g.changes++
	if g.good != nil {
		g.good.forgive()
	}
	g.os.note(hclog.Info, "restart requested", "id", r.id, "generation", r.generation.number,
		"strategy", r.strategy, "release", req.Release.Path, "reason", req.Reason)
}

// beginFollowUp begins what was to follow, once nothing else runs.
func (g *groupState) beginFollowUp(c *course) {
	f := g.next
	if f == nil || c.restart != nil {
		return
	}
	g.next = nil
	r := g.newRestart(c, f.record.id, f.request, nil)
	r.started, r.steps = f.record.started, slices.Concat(f.record.steps, r.steps[1:])
	if r.failure != nil {
		g.endUnbegun(c.now, r, RestartFailed)
		return
	}
	g.launch(r)
	g.step(c.now, r, "begun", nil)
	g.begun(c.now, r, f.request)
}
