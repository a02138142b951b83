package pool

import (
	"cmp"
	"time"

	"github.com/hashicorp/go-hclog"
)

// settle makes the group's next moves from what it knows now. It runs after every event and when a
// deadline passes; running it twice changes nothing.
//
// One move can call for another that comes earlier in a round: so it makes rounds until one makes no
// move. There are few: what may be spawned is limited, and a process only moves forward, but that it
// comes back if the target changes, which it does once.
func (g *groupState) settle(now time.Time) {
	g.look(now)
	g.settling, g.counted = true, -1
	defer func() { g.settling = false }()
	g.timeOut(now)
	r := g.running()
	g.lendable.setEven(r.waits())
	rounds := 0
	for before := -1; before != g.moves; {
		before = g.moves
		g.judge(now)
		g.surrender(now)
		g.switchOver(now)
		g.putToWork(now)
		g.bringBack(now)
		g.giveUpOutdated(now)
		g.lendQueue()
		g.drainReplaced(now)
		g.drainRejected(now)
		g.drainAhead(now)
		g.conclude(now)
		g.beginFollowUp(now)
		g.drainIdle(now)
		g.spawnNeeded(now)
		g.relieve(now)
		g.endDrains(now)
		if rounds++; rounds == mostRounds {
			panic("BUG: app " + g.app.Name + " does not settle")
		}
	}
	g.refuseQueue(now)
	g.killOverdue(now)
}

// mostRounds is far more than any number of processes can take.
const mostRounds = 10_000

// look notes which processes were used since it was last called, which take their time to go, and ends
// doubts that nothing came of.
func (g *groupState) look(now time.Time) {
	for _, p := range g.procs {
		p.slow = p.slow || p.takesLong(now)
		p.lost = p.lost || p.killed && now.Sub(p.since) >= lostAfter
		if !p.doubted.IsZero() && now.Sub(p.doubted) >= slowTick {
			p.doubted = time.Time{}
			g.lendable.moved(p)
		}
		if p.lent != p.seen || p.load() > 0 {
			p.seen, p.lastUsed = p.lent, now
		}
		if a := p.answered(); a != p.heard {
			p.heard, p.answeredAt = a, now
		}
	}
}

// timeOut answers the requests that have waited too long. The first of the queue is the first to.
func (g *groupState) timeOut(now time.Time) {
	for w := g.queue.first; w != nil && !w.deadline.IsZero() && !now.Before(w.deadline); w = g.queue.first {
		g.answer(w, nil, ErrQueueTimeout)
	}
}

// putToWork makes ready what has booted, unless it is held back.
func (g *groupState) putToWork(now time.Time) {
	if g.census().booted == 0 {
		return
	}
	for _, p := range g.procs {
		if p.state != Spawning || p.child == nil || !g.wants(p) || g.heldBack(now, p) {
			continue
		}
		recovers := g.resisting()
		g.move(now, p, Ready, "")
		p.readyAt, p.lastUsed = now, now
		recovered := p.generation.booted()
		if r := g.restartTo(p.generation); recovered && r != nil && r.state == RestartFailed {
			r.recovers = true
		}
		if recovered && recovers {
			g.os.note(hclog.Info, "recovered from deployment error", "generation", p.generation.number)
		}
		if g.good == nil {
			g.prove(now)
		}
		g.os.note(hclog.Info, "process ready", p.pairs("boot", now.Sub(p.began))...)
		r := g.running()
		g.step(now, r, "ready", p)
		if r != nil && !p.replaces { // the group has grown
			r.had = max(r.had, g.servers())
			r.total = max(r.total, r.had)
			surge, _ := r.way().limits(r.total, r.surge, r.unavailable)
			r.surge = max(r.surge, surge)
		}
	}
}

// giveUpOutdated stops what is being spawned from code that nobody wants any more.
func (g *groupState) giveUpOutdated(now time.Time) {
	if g.census().spawning == 0 {
		return
	}
	for _, p := range g.procs {
		if p.state == Spawning && !g.wants(p) {
			g.giveUp(now, p)
		}
	}
}

// lendQueue lends to those who have waited longest.
func (g *groupState) lendQueue() {
	for w := g.queue.first; w != nil; {
		next := w.next
		switch p := g.lend(w.wish); {
		case p != nil:
			g.answer(w, p, nil)
		case w.wish.Pin == 0:
			return // nothing has room
		}
		w = next
	}
}

// drainReplaced lets one outdated or worn process go for each replacement that was put to work,
// unless processes have crashed meanwhile and it is needed.
func (g *groupState) drainReplaced(now time.Time) {
	if g.census().arrived == 0 && g.census().ready <= g.app.MaxProcesses {
		return
	}
	r := g.running()
	for _, p := range g.procs {
		if p.state != Ready || !p.replaces || r.waits() && p.generation == r.generation {
			continue // a canary comes on top, until it is promoted
		}
		p.replaces = false
		g.moves++
		if !p.generation.bad && g.replaceable() > 0 && g.census().ready > g.size() {
			old := g.dispensable()
			g.retire(now, old, g.whyReplaced(old))
		}
	}
	for g.census().ready-g.beside() > max(g.app.MaxProcesses, g.size()) { // a crash was repaired, and a replacement came too
		g.retire(now, g.dispensable(), "above max_processes")
	}
}

func (g *groupState) whyReplaced(p *Process) string {
	if p.generation == g.target() {
		return "max_requests reached"
	}
	return "replaced by another generation"
}

// drainIdle lets go what is above min and was not used for a while, unless it could not come back.
func (g *groupState) drainIdle(now time.Time) {
	if g.app.IdleTimeout <= 0 || g.rolling() || g.overwritten(g.target()) {
		return
	}
	for g.census().ready > g.floor() {
		p := g.idlest()
		if p == nil || now.Before(p.lastUsed.Add(g.app.IdleTimeout)) {
			return
		}
		g.drain(now, p, "idle")
	}
}

// refuseQueue answers the requests if nothing serves, nothing will soon, and it is known why. Code that
// has worked is given a few starts before its requests are given up.
func (g *groupState) refuseQueue(now time.Time) {
	steady := g.steady()
	hopeful := steady.worked && steady.failures < maxFailures
	if g.queue.length == 0 || g.census().ready+g.census().spawning > 0 || steady.failure == nil || hopeful || !now.Before(steady.retryAt) {
		return
	}
	g.reject(&StartError{App: g.app.Name, Failure: *steady.failure})
}

// conclude ends the restart that runs if the generation that it is for has taken over, or has failed
// to.
func (g *groupState) conclude(now time.Time) {
	r := g.running()
	switch {
	case r != nil && r.way().returning():
		if g.allOf(r.generation) {
			g.end(now, r, RestartDone)
		}
	case g.wanted.bad:
		if r != nil && !g.rollingBack() {
			g.concludeFailed(now, r)
		}
	case r.waits():
		if !r.halted && g.of(r.generation).ready >= r.canary {
			r.halted = true
			g.step(now, r, "canary", nil)
		}
	case !g.allOf(g.wanted) || r != nil && g.inProbation(now, r):
	default:
		g.prove(now)
		if r != nil {
			g.end(now, r, RestartDone)
		}
		g.endRecovered(now)
	}
}

func (g *groupState) concludeFailed(now time.Time, r *restart) {
	if g.wanted.worked && g.resisting() {
		g.step(now, r, "rolled-back", nil)
	}
	r.failure = cmp.Or(r.failure, g.wanted.failure)
	g.end(now, r, RestartFailed)
}

// inProbation reports whether the new generation, which has taken over, is still being watched. The
// first time it begins that.
func (g *groupState) inProbation(now time.Time, r *restart) bool {
	if r.probation.IsZero() && g.app.Health.Probation > 0 && g.trying() {
		r.probation = now.Add(g.app.Health.Probation)
		g.step(now, r, "probation", nil)
	}
	return now.Before(r.probation)
}

// killOverdue kills what was asked to exit and did not. Before that it is asked where it hangs.
func (g *groupState) killOverdue(now time.Time) {
	if g.census().leaving == 0 {
		return
	}
	for _, p := range g.procs {
		due := g.deadlineOf(p)
		switch {
		case p.state != Stopping || due.IsZero() || now.Before(due):
		case !p.traced && !g.hurried && g.os.trace(p):
			p.traced, p.since = true, now
			g.os.note(hclog.Warn, "asking process where it hangs", p.pairs("stop-timeout", g.app.StopTimeout)...)
		default:
			g.kill(now, p)
		}
	}
}
