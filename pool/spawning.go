package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// This file is how many processes are spawned, and what for.

// spawnNeeded begins the spawns that are wanting, within the limits, and asks for the room that it
// lacks.
func (g *groupState) spawnNeeded(now time.Time) {
	if g.closed {
		return
	}
	tried := g.spawn(now, g.target(), subsistence, g.owed())
	held := g.spawn(now, g.steady(), subsistence, min(g.app.MinProcesses, g.held())-g.there())
	kept := g.spawn(now, g.steady(), g.toServe(), g.held()-g.there())
	served := g.spawn(now, g.steady(), g.toServe(), g.unserved())
	replaced := g.spawn(now, g.target(), replacing, g.unreplaced())
	probed := g.spawn(now, g.wanted, replacing, g.unprobed())
	switch {
	case !tried || !held:
		g.awaitRoom(now, subsistence)
	case !kept || !served:
		g.awaitRoom(now, g.toServe())
	case !replaced || !probed:
		g.awaitRoom(now, replacing)
	default:
		g.awaitRoom(now, nothing)
	}
	if !kept || !tried {
		g.shrink()
	}
	if !replaced {
		g.makeOwnRoom(now)
	}
	g.spawn(now, g.steady(), g.toServe(), g.keep-g.there())
	g.keep = 0
}

// toServe is what one more process is needed for that is to serve.
func (g *groupState) toServe() need {
	if g.census().ready == 0 {
		return subsistence
	}
	return growing
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
func (g *groupState) makeOwnRoom(now time.Time) {
	c := g.census()
	if ready := c.ready; ready > g.floor() && c.spawning == c.booted && c.all == ready+c.spawning {
		g.drain(now, g.dispensable(), "makes room for its replacement")
		g.shrinkTo(ready - 1)
	}
}

// shrink has a restart do with fewer processes than there were, as others have taken the room that some
// of them left.
func (g *groupState) shrink() {
	if c := g.census(); c.standby+c.leaving == 0 {
		g.shrinkTo(g.there())
	}
}

func (g *groupState) shrinkTo(size int) {
	r := g.running()
	if size = max(g.app.MinProcesses, size); r != nil && size < r.had {
		r.had, r.total = size, max(1, size)
		g.moves++
	}
}

// there is how many processes serve, or will in addition to those that do.
func (g *groupState) there() int { return g.census().serving() }

// unserved is how many more processes the queue needs than are coming.
func (g *groupState) unserved() int {
	needed := g.queue.length
	if g.app.Concurrency == conf.Unlimited {
		needed = min(needed, 1)
	} else {
		needed = (needed + g.app.Concurrency - 1) / g.app.Concurrency
	}
	ready, coming := g.census().ready, g.census().additions()
	if ready == 0 {
		coming = g.census().spawning // there is nothing that a replacement could replace
	}
	return min(needed-coming, g.app.MaxProcesses-ready-coming)
}

// owed is how many processes of the target are to take the place of those that were let go ahead of
// them, where the steady generation does not make up for them: the first, if there is no room for it
// beside the old ones, and those of a canary.
func (g *groupState) owed() int {
	r, target := g.running(), g.target()
	missing := g.size() - g.there()
	switch {
	case r == nil || g.steady() == target:
		return 0
	case r.canary > 0 && target.worked:
		return min(g.undelivered(r), missing)
	case r.surge == 0 && g.of(target).ready+g.of(target).spawning == 0:
		return min(1, missing)
	}
	return 0
}

// unreplaced is how many replacements are to be begun. A restart spawns at least one, to prove its
// release.
func (g *groupState) unreplaced() int {
	old, coming := g.replaceable(), g.of(g.target()).spawning
	if r := g.running(); r != nil {
		if g.of(g.target()).ready+coming == 0 {
			old = max(old, 1)
		}
		switch {
		case g.gathering(r):
			return min(r.total-g.of(r.generation).ready-coming, r.surge-g.census().replacing)
		case r.canary > 0 && !g.target().bad:
			old = min(old, g.undelivered(r)+g.census().replacing)
		}
	}
	return min(old, g.surge()) - g.census().replacing
}

// undelivered is how many processes of a canary are still to be begun.
func (g *groupState) undelivered(r *restart) int {
	return r.canary - g.of(r.generation).ready - g.of(r.generation).spawning
}

// unprobed is 1 if it is to be tried whether a bad generation starts by now. One that must not run beside
// the old is not tried.
func (g *groupState) unprobed() int {
	if r := g.restartTo(g.wanted); r != nil && !r.way().probes() {
		return 0
	}
	if g.resisting() && !g.wanted.rejected && g.of(g.wanted).ready+g.of(g.wanted).spawning == 0 {
		return min(1, g.surge()-g.census().replacing)
	}
	return 0
}

// spawn begins so many spawns of a generation, or fewer. It reports false if that is for want of room
// in the pool. What was let go and still lives is put back to work instead: that takes no time. Where
// nothing is ready there is nothing to replace.
func (g *groupState) spawn(now time.Time, n *generation, why need, times int) bool {
	for range times {
		replaces := why == replacing && (g.census().ready > 0 || g.gatheringFor(n))
		if p := g.revivable(n); p != nil {
			g.revive(now, p, replaces)
			continue
		}
		if why == replacing && !replaces {
			why = g.toServe()
		}
		if g.overwritten(n) || !g.maySpawn(now, n) {
			return true
		}
		if !g.os.claim(why, g.surge()) {
			return false
		}
		g.begin(now, n, replaces)
	}
	return true
}

// maySpawn reports whether a spawn may begin: not in the pause after one that failed, one at a time
// as long as none works after that, never more alive than max and the surge, and not while a blocking
// restart waits for the old processes to be gone.
func (g *groupState) maySpawn(now time.Time, n *generation) bool {
	failing := n.failures > 0 && g.of(n).ready+g.of(n).booted == 0
	return !now.Before(n.retryAt) && !(failing && g.of(n).spawning > 0) &&
		g.crowd() < g.app.MaxProcesses+g.surge() && !g.blocked()
}

// crowd is how many processes count against max and the surge. Not those that only keep long-lived
// connections, or are kept for a rollback. Nor those that take their time to go, up to max of them,
// unless a surge of 0 says that there is room for none beside: a restart goes on beside a process that
// is stuck.
func (g *groupState) crowd() int {
	c := g.census()
	crowd := c.all - c.apart
	if g.surge() > 0 {
		crowd -= min(c.slow, g.app.MaxProcesses)
	}
	return crowd
}

func (g *groupState) begin(now time.Time, n *generation, replaces bool) {
	g.spawned++
	g.moves++
	p := &Process{
		number:     g.spawned,
		generation: n,
		replaces:   replaces,
		failures:   n.failures,
		limit:      g.requestLimit(),
		began:      now,
		lastUsed:   now,
		since:      now,
		place:      -1,
	}
	g.procs = append(g.procs, p)
	g.os.note(hclog.Info, "spawning process", p.pairs("release", n.release.Path)...)
	g.step(now, g.running(), "spawning", p)
	g.happened(now, p, "")
	g.os.spawn(p)
}

// requestLimit is max_requests give or take a tenth, so that processes do not all go at once.
func (g *groupState) requestLimit() uint64 {
	limit := g.app.MaxRequests
	if limit <= 0 {
		return 0
	}
	return uint64(max(1, limit-limit/10+g.rand.IntN(2*(limit/10)+1)))
}
