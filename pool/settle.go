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
// move. There are few, as a process only ever moves forward, and what may be spawned is limited.
func (g *groupState) settle(now time.Time) {
	g.look(now)
	g.timeOut(now)
	for before := -1; before != g.moves; {
		before = g.moves
		g.putToWork(now)
		g.giveUpOutdated(now)
		g.lendQueue()
		g.drainReplaced(now)
		g.conclude(now)
		g.drainIdle(now)
		g.spawnNeeded(now)
		g.stopDrained(now)
	}
	g.refuseQueue(now)
	g.killOverdue(now)
}

// look notes which processes were used since it was last called, and ends doubts that nothing came of.
func (g *groupState) look(now time.Time) {
	for _, p := range g.procs {
		if !p.doubted.IsZero() && now.Sub(p.doubted) >= slowTick {
			p.doubted = time.Time{}
			g.lendable.moved(p)
		}
		if p.lent != p.seen || p.load() > 0 {
			p.seen, p.lastUsed = p.lent, now
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
	for _, p := range g.procs {
		if p.state != Spawning || p.child == nil || !g.wants(p) || g.heldBack(now, p) {
			continue
		}
		recovers := g.resisting()
		g.move(now, p, Ready)
		p.readyAt, p.lastUsed = now, now
		if p.generation.booted() && recovers {
			g.os.note(hclog.Info, "recovered from deployment error", "generation", p.generation.number)
		}
		if g.good == nil {
			g.good = p.generation
		}
		g.os.note(hclog.Info, "process ready", p.pairs("boot", now.Sub(p.began))...)
		g.step(now, g.running(), "ready", p)
	}
}

// heldBack reports whether p waits for more requests for the restart that it belongs to.
func (g *groupState) heldBack(now time.Time, p *Process) bool {
	r := g.lastRestart()
	return r != nil && p.generation == r.generation && now.Before(r.quietAt)
}

// giveUpOutdated stops what is being spawned from code that nobody wants any more.
func (g *groupState) giveUpOutdated(now time.Time) {
	for _, p := range g.procs {
		if p.state == Spawning && !g.wants(p) {
			g.giveUp(now, p)
		}
	}
}

// lendQueue lends to those who have waited longest.
func (g *groupState) lendQueue() {
	for g.queue.length > 0 {
		p := g.lend()
		if p == nil {
			return
		}
		g.answer(g.queue.first, p, nil)
	}
}

// drainReplaced lets one outdated or worn process go for each replacement that was put to work,
// unless processes have crashed meanwhile and it is needed.
func (g *groupState) drainReplaced(now time.Time) {
	for _, p := range g.procs {
		if p.state != Ready || !p.replaces {
			continue
		}
		p.replaces = false
		if g.count(g.isReplaceable) > 0 && g.count(isReady) > g.floor() {
			old := g.dispensable()
			g.drain(now, old, g.whyReplaced(old))
		}
	}
	for g.count(isReady) > g.app.MaxProcesses { // a crash was repaired, and a replacement came too
		g.drain(now, g.dispensable(), "above max_processes")
	}
}

func (g *groupState) whyReplaced(p *Process) string {
	if p.generation == g.target() {
		return "max_requests reached"
	}
	return "replaced by another generation"
}

// drainIdle lets go what is above min and was not used for a while.
func (g *groupState) drainIdle(now time.Time) {
	if g.app.IdleTimeout <= 0 || g.rolling() {
		return
	}
	for g.count(isReady) > g.floor() {
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
	if g.queue.length == 0 || g.count(isReady)+g.count(isSpawning) > 0 || steady.failure == nil || hopeful || !now.Before(steady.retryAt) {
		return
	}
	g.reject(&StartError{App: g.app.Name, Failure: *steady.failure})
}

// conclude notes that the wanted generation has taken over, or has failed to.
func (g *groupState) conclude(now time.Time) {
	r := g.running()
	switch {
	case g.tookOver():
		g.good = g.wanted
		if r != nil {
			g.end(now, r, RestartDone)
		}
	case r != nil && g.wanted.bad && !g.rollingBack():
		if g.wanted.worked && g.resisting() {
			g.step(now, r, "rolled-back", nil)
		}
		r.failure = cmp.Or(r.failure, g.wanted.failure)
		g.end(now, r, RestartFailed)
	}
}

// stopDrained stops the draining processes that are empty, or have been draining for too long.
func (g *groupState) stopDrained(now time.Time) {
	for _, p := range g.procs {
		if p.state == Draining && (p.load() == 0 || !now.Before(g.deadlineOf(p))) {
			g.move(now, p, Stopping)
			g.stop(now, p)
		}
	}
}

// killOverdue kills what was asked to exit and did not.
func (g *groupState) killOverdue(now time.Time) {
	for _, p := range g.procs {
		if due := g.deadlineOf(p); p.state == Stopping && !due.IsZero() && !now.Before(due) {
			g.kill(p)
		}
	}
}
