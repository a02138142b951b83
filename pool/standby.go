package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is what becomes of processes that were let go for another generation: some can serve
// again, at once, if the new code turns out to be bad.

// revivable returns a process of n that was let go and lives, the one that stands by before one that
// drains, or nil. Only what the group is to become comes back: anything else would be let go again.
func (g *groupState) revivable(n *generation) (best *Process) {
	if n.bad || n != g.target() {
		return nil
	}
	for _, p := range g.procs {
		if p.generation == n && p.revivable() && (best == nil || p.state > best.state) {
			best = p
		}
	}
	return best
}

// revivable reports whether p was let go for another generation, and could serve again.
func (p *Process) revivable() bool {
	return p.replaced && !p.worn() && (p.state == Draining || p.state == Standby)
}

// revive puts a process back to work that was let go. It is the one step back in a process's life.
func (g *groupState) revive(now time.Time, p *Process, replaces bool) {
	g.moves++
	p.replaced, p.replaces = false, replaces
	p.left, p.slow = time.Time{}, false
	p.retired.Store(false)
	p.state, p.since, p.lastUsed = Ready, now, now
	g.lendable.add(p)
	p.generation.booted()
	g.os.note(hclog.Info, "process serves again", p.pairs()...)
	g.step(now, g.running(), "ready", p)
	g.happened(now, p, "its code is wanted again")
}

// bringBack puts all that was let go of the good generation back to work, at once, when the wanted one
// was taken back.
func (g *groupState) bringBack(now time.Time) {
	if g.closed || !g.resisting() {
		return
	}
	for p := g.revivable(g.good); p != nil && g.of(g.good).ready < g.size(); p = g.revivable(g.good) {
		g.revive(now, p, g.census().ready > 0)
	}
}

// keeps reports whether a replaced process is kept, without requests, for a rollback: as long as its
// restart runs, and for rollback_window after that, where memory allows.
func (g *groupState) keeps(now time.Time, p *Process) bool {
	if g.app.Restart.RollbackWindow <= 0 || g.closed || !p.replaced || p.worn() {
		return false
	}
	if r := g.running(); r != nil && p.generation == g.good {
		return r.way().keeps()
	}
	last := len(g.past) - 1
	return last >= 0 && p.generation == g.past[last] && g.good == g.target() && now.Before(g.keepUntil)
}

// endDrains moves the draining processes on that are empty, or have been draining for too long, and
// those that were kept long enough.
func (g *groupState) endDrains(now time.Time) {
	kept := g.census().standby
	if kept+g.census().draining == 0 {
		return
	}
	for _, p := range g.procs {
		switch {
		case p.state == Standby && !g.keeps(now, p):
			g.stop(now, p, "the rollback window is over")
		case p.state != Draining:
		case p.load() == 0 && g.keeps(now, p) && (g.spare < 0 || kept < g.spare):
			kept++
			g.move(now, p, Standby, "kept for a rollback")
			g.os.note(hclog.Info, "keeping process for a rollback", p.pairs()...)
		case p.load() == 0:
			g.stop(now, p, "")
		case p.requests == 0 && g.blocked():
			g.stop(now, p, "a blocking restart waits for it")
		case !now.Before(g.deadlineOf(p)):
			g.stop(now, p, "drained for too long")
		}
	}
	g.endOldest(now)
}

// endOldest ends what only keeps long-lived connections, or is kept for a rollback, if there are more
// generations alive than may be: the oldest first.
func (g *groupState) endOldest(now time.Time) {
	if g.census().apart == 0 {
		return
	}
	excess := len(g.generations()) - g.app.Restart.MaxOldGenerations - 1
	for _, oldest := range g.generations()[:max(0, excess)] {
		for _, p := range g.procs {
			if p.generation.number == oldest && (p.state == Standby || p.onlyConnected()) {
				g.stop(now, p, "more than max_old_generations live")
			}
		}
	}
}

// kept returns the oldest process that is kept for a rollback, or nil.
func (g *groupState) kept() *Process {
	for _, p := range g.procs {
		if p.state == Standby {
			return p
		}
	}
	return nil
}

// dropStandby ends one process that is kept for a rollback, and reports whether there was one.
func (g *groupState) dropStandby(now time.Time, why string) bool {
	p := g.kept()
	if p != nil {
		g.stop(now, p, why)
	}
	return p != nil
}
