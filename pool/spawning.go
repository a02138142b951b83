package pool

import (
	"time"
)

// This file is how many processes are spawned, and what for.

// spawnNeeded begins the spawns that are wanting, within the limits, and asks for the room that it
// lacks.
func (g *groupState) spawnNeeded(c *course) {
	if g.closed {
		return
	}
	tried := g.spawn(c, c.target(), subsistence, c.owed())
	held := g.spawn(c, c.steady, subsistence, min(g.app.MinProcesses, c.held)-c.serving())
	served := g.spawn(c, c.steady, c.toServe(), c.goal(g.pressing())-c.serving())
	replaced := g.spawn(c, c.target(), replacing, c.unreplaced())
	probed := g.spawn(c, c.wanted, replacing, c.unprobed(g.restartTo(c.wanted)))
	switch {
	case !tried || !held:
		g.awaitRoom(c.now, subsistence)
	case !served:
		g.awaitRoom(c.now, c.toServe())
	case !replaced || !probed:
		g.awaitRoom(c.now, replacing)
	default:
		g.awaitRoom(c.now, nothing)
	}
	c = g.fresh(c)
	if short := !served && c.serving() < c.held; (short || !tried) && c.standby+c.leaving == 0 {
		g.shrinkTo(c.serving())
	}
	if !replaced {
		g.makeOwnRoom(g.fresh(c))
	}
	c = g.fresh(c)
	g.spawn(c, c.steady, c.toServe(), g.keep-c.serving())
	g.keep = 0
}

// spawn begins so many spawns of a generation, or fewer. It reports false if that is for want of room
// in the pool. What was let go and still lives is put back to work instead: that takes no time. Where
// nothing is ready there is nothing to replace.
func (g *groupState) spawn(c *course, n *generation, why need, times int) bool {
	for range times {
		replaces := why == replacing && (c.ready > 0 || c.gatheringFor(n))
		if p := g.comesBack(c, n); p != nil {
			g.revive(c.now, p, replaces)
			c = g.fresh(c)
			continue
		}
		if why == replacing && !replaces {
			why = c.toServe()
		}
		if c.overwritten(n) || !c.maySpawn(n) {
			return true
		}
		if !g.os.claim(why, c.surge) {
			return false
		}
		g.begin(c.now, n, replaces)
		c = g.fresh(c)
	}
	return true
}

// comesBack returns a process of n that was let go and can serve again, or nil. Only what the group is to become
// comes back: anything else would be let go again.
func (g *groupState) comesBack(c *course, n *generation) *Process {
	if n.bad() || n != c.target() {
		return nil
	}
	return g.revivable(n)
}

// awaitRoom tells the pool what it has refused that is still wanted. What is kept for a rollback makes room
// first.
func (g *groupState) awaitRoom(now time.Time, n need) {
	switch {
	case n != nothing:
		g.os.wait(n, g.dropStandby(now, "its room is needed"))
	case g.refused:
		g.os.leave()
	}
	g.refused = n != nothing
}

// makeOwnRoom lets a process go before its replacement is spawned, as the pool has no room for that,
// unless something else is under way that makes some.
func (g *groupState) makeOwnRoom(c *course) {
	if ready := c.ready; ready > c.floor && c.spawning == c.booted && c.all == ready+c.spawning {
		g.drain(c.now, g.dispensable(c.target()), "makes room for its replacement")
		g.shrinkTo(ready - 1)
	}
}

// countOutside has processes that are on their way out give their slots back before they are gone, where nobody can
// say when that will be: no connection holds up a restart, or an app that comes in the place of another. As within
// the group itself, these are not counted: what only long-lived connections keep, and what a stopped app is slow to end.
// One that came back takes a slot again as soon as there is one.
func (g *groupState) countOutside(c *course) {
	if g.outside == 0 && c.apart == c.standby && !(g.stopped && c.slow > 0) {
		return // a thousand processes need not be looked at
	}
	for _, p := range g.procs {
		switch {
		case !p.outside && (p.onlyConnected() || g.stopped && p.state > Ready && p.slow(c.now)):
			g.os.release()
			p.outside = true
			g.outside++
			g.moves++
		case p.outside && p.state == Ready && g.os.claim(subsistence, 0):
			p.outside = false
			g.outside--
			g.changes++
		}
	}
}

// giveSlotBack gives the slot of a process back that is gone, unless it did so before.
func (g *groupState) giveSlotBack(p *Process) {
	if p.outside {
		g.outside--
		return
	}
	g.os.release()
}

// shrinkTo has a restart do with fewer processes than there were, as others have taken the room that some
// of them left.
func (g *groupState) shrinkTo(size int) {
	r := g.running()
	if size = max(g.app.MinProcesses, size); r != nil && size < r.had {
		r.had, r.total = size, max(1, size)
		g.moves++
	}
}

// toServe is what one more process is needed for that is to serve.
func (c *course) toServe() need {
	if c.ready == 0 {
		return subsistence
	}
	return growing
}

// owed is how many processes of the target are to take the place of those that were let go ahead of
// them, where the steady generation does not make up for them: the first, if there is no room for it
// beside the old ones.
func (c *course) owed() int {
	r, ours := c.restart, c.of(c.target())
	if r == nil || c.steady == c.target() || r.surge > 0 || ours.ready+ours.spawning > 0 {
		return 0
	}
	return min(1, c.size-c.serving())
}

// unreplaced is how many replacements are to be begun. A restart spawns at least one, to prove its
// release.
func (c *course) unreplaced() int {
	ours := c.of(c.target())
	old, coming := c.replaceable, ours.spawning
	if r := c.restart; r != nil {
		if ours.ready+coming == 0 {
			old = max(old, 1)
		}
		switch {
		case c.gathering:
			return min(r.total-ours.ready-coming, r.surge-c.replacing)
		case r.waits() && !c.target().bad():
			if old = c.undelivered() + c.replacing; c.ready == 0 {
				old = min(old, 1-coming) // what is unproven does not stand in for what is missing
			}
		}
	}
	return min(old, c.surge) - c.replacing
}

// unprobed is 1 if it is to be tried whether a bad generation starts by now. One that must not run beside
// the old is not tried.
func (c *course) unprobed(asked *restart) int {
	if asked != nil && !asked.way().probes() {
		return 0
	}
	if c.resisting() && !c.wanted.rejected() && c.newest.ready+c.newest.spawning == 0 {
		return min(1, c.surge-c.replacing)
	}
	return 0
}

// maySpawn reports whether a spawn may begin: not in the pause after one that failed, one at a time
// as long as none works after that, never more alive than max and the surge, and not while a blocking
// restart waits for the old processes to be gone.
func (c *course) maySpawn(n *generation) bool {
	those := c.of(n)
	failing := n.failures > 0 && those.ready+those.booted == 0
	return !c.now.Before(n.retryAt) && !(failing && those.spawning > 0) &&
		c.crowd() < c.app.MaxProcesses+c.surge && !c.blocked
}
