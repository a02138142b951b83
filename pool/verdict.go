package pool

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is what is thought of a generation by how its processes start, answer and end.

// startFailed follows the exit of a process that never became ready.
func (g *groupState) startFailed(now time.Time, p *Process, err error) {
	n := p.generation
	n.failed(p.failures, g.newFailure(now, p, err))
	n.pauseUntil(now, firstPause, n.failures-1, g.rand)
	g.os.note(hclog.Error, "process failed to start", p.pairs("reason", n.failure.Reason, "error-id", n.failure.ErrorID, "retry-at", n.retryAt)...)
	g.condemn(now, n)
}

// crashed follows the exit of a ready process that nobody asked for. It is replaced at once, unless
// starting anew seems to be no cure. That is so if it died young: before it was used, and within
// 10 s of being ready. The first of a row is replaced at once all the same; after that there is a
// pause of 100 ms if another process of the same generation does work, else of 1 s, doubling up to a
// minute. A row is one process dying young, then the one spawned after it, and so on.
func (g *groupState) crashed(now time.Time, p *Process, err error) {
	n := p.generation
	pairs := p.pairs("reason", g.reason(err), "lived", now.Sub(p.readyAt), "processed", p.processed(), "requests", p.requests, "connections", p.connections)
	if p.matured(now) {
		g.os.note(hclog.Warn, "process crashed", pairs...)
		n.forgive()
		g.countCrash(now, p, err)
		return
	}
	n.failed(p.failures, g.newFailure(now, p, err))
	if n.failures > 1 {
		g.pauseAfterCrash(now, n)
	}
	g.os.note(hclog.Error, "process crashed unused", append(pairs, "error-id", n.failure.ErrorID)...)
	g.condemn(now, n)
}

func (g *groupState) pauseAfterCrash(now time.Time, n *generation) {
	if slices.ContainsFunc(g.procs, func(p *Process) bool { return p.state == Ready && p.generation == n && p.matured(now) }) {
		n.pauseUntil(now, quickPause, 0, g.rand)
		return
	}
	n.pauseUntil(now, firstPause, n.failures-2, g.rand)
}

// countCrash takes a generation back of which too many processes crash while it is taking over: one
// crash is no verdict, but more than two are, or a quarter of all.
func (g *groupState) countCrash(now time.Time, p *Process, err error) {
	n, r := p.generation, g.running()
	if !g.takingOver(r, n) {
		return
	}
	if n.crashes++; n.crashes < max(maxFailures, r.total/4) || !g.resists(n) {
		return
	}
	why := g.newFailure(now, p, err)
	why.Reason = fmt.Sprintf("%d of its processes crashed while it was taking over; the last %s", n.crashes, why.Reason)
	g.takeBack(now, r, why)
}

// condemn makes the wanted generation a bad one if it fails before it starts at all, or too often.
func (g *groupState) condemn(now time.Time, n *generation) {
	r := g.running()
	tried := n.worked() || g.plot(now).of(n).booted > 0
	if r != nil && r.way().returning() && r.generation == n && (!tried || n.failures >= maxFailures) {
		g.rollbackFailed(now, r)
	}
	if n != g.wanted || n == g.good || n.bad() || tried && n.failures < maxFailures {
		return
	}
	n.standing = failing
	if !n.insisted {
		g.withdrawn = n.number
	}
	if r := g.running(); r != nil {
		r.failure = n.failure
	}
	if !g.resisting() {
		return
	}
	g.noteResisting(n.failure)
	for _, p := range g.procs {
		if p.state == Spawning && p.generation == n {
			g.giveUp(now, p)
		}
	}
}

// judge takes the wanted generation back if it clearly answers worse than the last good one.
func (g *groupState) judge(c *course) {
	if c.restart == nil || !c.trying() {
		return
	}
	worse := c.wanted.tally.worseThan(c.good.tally)
	if worse == "" {
		return
	}
	why := g.failure(c.now, c.wanted.number, worse)
	g.os.note(hclog.Error, "new code answers worse", "generation", c.wanted.number, "reason", worse, "error-id", why.ErrorID)
	g.takeBack(c.now, c.restart, why)
}

// takeBack gives the wanted generation up for the last good one, which serves again. If nothing is left
// of that, the restart has failed all the same.
func (g *groupState) takeBack(now time.Time, r *restart, why *Failure) {
	r.failure = why
	if g.overwritten(g.good) && g.plot(now).of(g.good).alive == 0 {
		r.failure.Reason += "; it serves on, as the old code is no longer on disk"
		g.approve(now)
		g.end(now, r, RestartFailed)
		return
	}
	g.moves++
	g.withdraw(rejected, why)
	g.noteResisting(why)
}

func (g *groupState) noteResisting(why *Failure) {
	g.os.note(hclog.Warn, "resisting deployment error", "generation", g.wanted.number, "reason", why.Reason,
		"error-id", why.ErrorID, "serving", g.good.release.Path)
}

// recover has a blue-green restart go on whose code did not start, and does now: what has booted of it serves only
// together with the others, so these are to be spawned again.
func (g *groupState) recover(c *course) {
	r := c.restart
	if c.wanted.standing != failing || c.newest.booted == 0 || r == nil || r.generation != c.wanted || !c.way.gathers(r) {
		return
	}
	g.moves++
	c.wanted.restore()
	c.wanted.forgive()
	r.failure = nil
	g.os.note(hclog.Info, "recovered from deployment error", "generation", c.wanted.number)
}

// surrender makes do with code that was taken back, once nothing of the older is left: neither a process
// nor, after a deployment in the same folder, its code.
func (g *groupState) surrender(c *course) {
	if !c.wanted.rejected() || !c.overwritten(c.good) || c.of(c.good).alive > 0 {
		return
	}
	g.moves++
	c.wanted.restore()
	g.os.note(hclog.Warn, "no process of the old code is left, so the new code serves", "generation", c.wanted.number)
	if r := c.restart; r != nil && c.way.returning() {
		r.failure = g.failure(c.now, r.generation.number, "the last process with the old code has died, and the code is no longer on disk")
		g.end(c.now, r, RestartFailed)
	}
}

// approve makes the wanted generation the last good one.
func (g *groupState) approve(now time.Time) {
	if g.prove(now.Add(g.app.Restart.RollbackWindow)) {
		g.moves++
	}
}

// rollbackFailed ends a rollback to code that does not start. What served before is good again.
func (g *groupState) rollbackFailed(now time.Time, r *restart) {
	r.failure = r.generation.failure
	if r.from != nil {
		g.good = r.from
		if r.from == g.wanted {
			g.wanted.restore()
		}
	}
	g.end(now, r, RestartFailed)
}

// relieve lets the process go that has hung for longest, if that helps somebody. The next one goes only when there
// is another in its place, or that has failed.
func (g *groupState) relieve(c *course) {
	if g.hang.note(c) {
		h := c.hungSnapshot()
		g.os.note(hclog.Warn, "app hangs: no process answers", "requests", h.Requests, "pids", h.pids(), "since", h.Since, "hang-after", g.app.HangAfter)
		g.os.happened(Event{At: c.now, Kind: "app", What: string(Hung), Generation: g.wanted.number, Why: fmt.Sprintf("no process has answered for %s", g.app.HangAfter)})
	}
	if p := g.hang.next(c, &g.roster, g.queue.length); p != nil {
		p.hung = true
		g.keep = min(c.ready, g.app.MaxProcesses)
		g.drain(c.now, p, "hang_after passed")
	}
}
