package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// This file is what a group is heading for: which generation, and how many processes of it. All of
// it is derived, each time, from what lives.

// resisting reports whether the wanted generation is bad and the group stays with the good one:
// deployment error resistance.
func (g *groupState) resisting() bool {
	return g.wanted.bad && g.good != nil && g.app.Restart.ResistDeploymentErrors
}

// target is the generation that the group is to become.
func (g *groupState) target() *generation {
	if g.resisting() {
		return g.good
	}
	return g.wanted
}

// steady is the generation that repairs and grows the group: its target once that has something
// ready, before that the last good one. Unproven code never stands in for a process that crashed.
// Without resistance a generation that has failed is the only one all the same.
func (g *groupState) steady() *generation {
	target := g.target()
	if g.good == nil || target.bad || g.ready(target) > 0 {
		return target
	}
	return g.good
}

// wants reports whether p, which is being spawned, is of a generation that still has a use.
func (g *groupState) wants(p *Process) bool {
	return p.generation == g.wanted || p.generation == g.steady()
}

// rolling reports whether one generation is taking over from another, as far as is known.
func (g *groupState) rolling() bool {
	return g.running() != nil || g.count(g.isOutdated) > 0 && !g.target().bad
}

// rollingBack reports whether processes of a bad generation still serve and can be expected to be
// replaced.
func (g *groupState) rollingBack() bool {
	return g.resisting() && g.ready(g.wanted) > 0 && g.good.failures == 0
}

// tookOver reports whether the wanted generation is all there is: enough of it is ready, and
// nothing else lives. A process that only keeps long-lived connections open does not count: no
// request can get to it any more.
func (g *groupState) tookOver() bool {
	if g.wanted.bad || g.ready(g.wanted) < max(1, g.app.MinProcesses) {
		return false
	}
	for _, p := range g.procs {
		onlyConnected := p.state == Draining && p.requests == 0 && p.connections > 0
		if p.generation != g.wanted && !onlyConnected {
			return false
		}
	}
	return true
}

// floor is the number of ready processes below which none is let go. While one generation takes over
// from another there is at least one, if min_processes is 0.
func (g *groupState) floor() int {
	if g.rolling() {
		return max(1, g.app.MinProcesses)
	}
	return g.app.MinProcesses
}

// surge is how many processes there may be above max_processes while some are replaced, and how many
// replacements may be spawning at once. A percentage is of max_processes.
func (g *groupState) surge() int {
	return max(1, g.app.Restart.Surge.Of(g.app.MaxProcesses))
}

// toReplace is how many processes a restart has before it: those that are ready, at least min. An
// app that rests spawns one, so that a release which does not start is noticed by who deployed it.
func (g *groupState) toReplace() int {
	return min(max(g.count(isReady), g.app.MinProcesses, 1), g.app.MaxProcesses)
}

// spawnNeeded begins the spawns that are wanting, within the limits, and asks for the room that it
// lacks.
func (g *groupState) spawnNeeded(now time.Time) {
	if g.closed {
		return
	}
	held := g.spawn(now, g.steady(), holdMin, g.app.MinProcesses-g.there())
	served := g.spawn(now, g.steady(), serveQueue, g.unserved())
	replaced := g.spawn(now, g.target(), replacement, g.unreplaced())
	probed := g.spawn(now, g.wanted, replacement, g.unprobed())
	needy := !(held && replaced && probed) || !served && len(g.procs) == 0
	g.awaitRoom(needy || !served, !served, needy)
	if !replaced {
		g.makeOwnRoom(now)
	}
	g.spawn(now, g.steady(), serveQueue, g.keep-g.there())
	g.keep = 0
}

// awaitRoom tells the pool whether it has refused something that is still wanted. Other groups are to
// make room only for what a group needs to live: to grow it has to wait.
func (g *groupState) awaitRoom(refused, queued, needy bool) {
	switch {
	case refused:
		g.os.wait(queued)
	case g.refused:
		g.os.leave()
	}
	if g.refused = refused; refused && needy {
		g.os.makeRoom()
	}
}

// makeOwnRoom lets a process go before its replacement is spawned, as the pool has no room for that,
// unless something else is under way that makes some.
func (g *groupState) makeOwnRoom(now time.Time) {
	if ready := g.count(isReady); ready == len(g.procs) && ready > g.floor() {
		g.drain(now, g.dispensable(), "makes room for its replacement")
	}
}

// there is how many processes serve, or will in addition to those that do.
func (g *groupState) there() int { return g.count(isReady) + g.count(isAddition) }

// unserved is how many more processes the queue needs than are coming.
func (g *groupState) unserved() int {
	needed := g.queue.length
	if g.app.Concurrency == conf.Unlimited {
		needed = min(needed, 1)
	} else {
		needed = (needed + g.app.Concurrency - 1) / g.app.Concurrency
	}
	ready, coming := g.count(isReady), g.count(isAddition)
	if ready == 0 {
		coming = g.count(isSpawning) // there is nothing that a replacement could replace
	}
	return min(needed-coming, g.app.MaxProcesses-ready-coming)
}

// unreplaced is how many replacements are to be begun. A restart spawns at least one, to prove its
// release.
func (g *groupState) unreplaced() int {
	old := g.count(g.isReplaceable)
	if target := g.target(); g.running() != nil && g.ready(target)+g.spawning(target) == 0 {
		old = max(old, 1)
	}
	return min(old, g.surge()) - g.count(isReplacement)
}

// unprobed is 1 if it is to be tried whether a bad generation starts by now.
func (g *groupState) unprobed() int {
	if g.resisting() && g.ready(g.wanted)+g.spawning(g.wanted) == 0 {
		return min(1, g.surge()-g.count(isReplacement))
	}
	return 0
}

// spawn begins so many spawns of a generation, or fewer. It reports false if that is for want of room
// in the pool. Where nothing is ready there is nothing to replace.
func (g *groupState) spawn(now time.Time, n *generation, why purpose, times int) bool {
	if why == replacement && g.count(isReady) == 0 {
		why = serveQueue
	}
	for range times {
		if !g.maySpawn(now, n) {
			return true
		}
		if !g.os.claim(why, g.surge()) {
			return false
		}
		g.begin(now, n, why == replacement)
	}
	return true
}

// maySpawn reports whether a spawn may begin: not in the pause after one that failed, one at a time
// as long as none works after that, and never more alive than max and the surge.
func (g *groupState) maySpawn(now time.Time, n *generation) bool {
	failing := n.failures > 0 && g.ready(n) == 0
	return !now.Before(n.retryAt) && !(failing && g.spawning(n) > 0) && len(g.procs) < g.app.MaxProcesses+g.surge()
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
