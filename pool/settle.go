package pool

import (
	"slices"
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
	if g.held || g.borrows != nil {
		g.timeOut(now) // all else is not for it to decide, not yet or not any more
		return
	}
	g.look(now)
	g.timeOut(now)
	g.lendable.setEven(g.running().waits())
	c := g.plot(now)
	for rounds := 0; g.round(c); rounds++ {
		if rounds == mostRounds {
			panic("BUG: app " + g.app.Name + " does not settle")
		}
	}
	g.refuseQueue(g.fresh(c))
	g.killOverdue(c)
	g.killWorkers(c)
	g.endGenerations(c)
}

// mostRounds is far more than any number of processes can take.
const mostRounds = 10_000

// The rules of a round, in their order. Each takes the course, and makes the moves that it calls for.
var rules = [...]func(*groupState, *course){
	(*groupState).judge,
	(*groupState).surrender,
	(*groupState).recover,
	(*groupState).switchOver,
	(*groupState).putToWork,
	(*groupState).bringBack,
	(*groupState).giveUpOutdated,
	func(g *groupState, _ *course) { g.lendQueue() },
	(*groupState).reforkNext,
	(*groupState).drainReplaced,
	(*groupState).drainRejected,
	(*groupState).drainAhead,
	(*groupState).runWorkers,
	(*groupState).conclude,
	(*groupState).beginFollowUp,
	(*groupState).drainIdle,
	(*groupState).countOutside,
	(*groupState).spawnNeeded,
	(*groupState).relieve,
	(*groupState).endDrains,
}

// round applies each rule once, and reports whether that made a move.
func (g *groupState) round(c *course) (moved bool) {
	before := g.moves
	for _, rule := range rules {
		rule(g, g.fresh(c))
	}
	return g.moves != before
}

// deadline returns the time after now of the next move that no event will bring about, or zero.
func (g *groupState) deadline(now time.Time) time.Time {
	next := alarm{now: now}
	if w := g.queue.first; w != nil {
		next.at(w.deadline)
	}
	if g.held || g.borrows != nil {
		return next.first
	}
	next.at(g.course.due.first)
	if len(g.lendable.heap) > 0 && !g.closed {
		next.at(now.Add(g.course.tick()))
	}
	next.at(g.hang.due(&g.app))
	return next.first
}

// putToWork makes ready what has booted, unless it is held back.
func (g *groupState) putToWork(c *course) {
	if c.booted == 0 {
		return
	}
	for _, p := range g.procs {
		if p.state != Spawning || p.child == nil || !c.wants(p) || g.heldBack(c, p) {
			continue
		}
		recovers := c.resisting()
		g.move(c.now, p, Ready, "")
		p.readyAt, p.lastUsed = c.now, c.now
		recovered := p.generation.booted()
		if r := g.restartTo(p.generation); recovered && r != nil && r.state == RestartFailed {
			r.recovers = true
		}
		if recovered && recovers {
			g.os.note(hclog.Info, "recovered from deployment error", "generation", p.generation.number)
		}
		if g.good == nil {
			g.approve(c.now)
		}
		g.os.note(hclog.Info, "process ready", p.pairs("boot", c.now.Sub(p.began))...)
		g.step(c.now, c.restart, "ready", p)
		if c = g.fresh(c); c.restart != nil && !p.replaces {
			c.restart.grow(c.servers())
			c = g.plot(c.now)
		}
	}
}

// giveUpOutdated stops what is being spawned from code that nobody wants any more.
func (g *groupState) giveUpOutdated(c *course) {
	if c.spawning == 0 {
		return
	}
	for _, p := range g.procs {
		if p.state == Spawning && !c.wants(p) {
			g.giveUp(c.now, p)
		}
	}
}

// drainIdle lets go what is above min and was not used for a while, unless it could not come back.
func (g *groupState) drainIdle(c *course) {
	if g.app.IdleTimeout <= 0 || c.rolling || c.overwritten(c.target()) {
		return
	}
	for above := c.ready - c.floor; above > 0; above-- {
		p := g.idlest()
		if p == nil || c.now.Before(p.lastUsed.Add(g.app.IdleTimeout)) {
			return
		}
		g.drain(c.now, p, "idle")
	}
}

// refuseQueue answers the requests if nothing serves, nothing will soon, and it is known why. Code that
// has worked is given a few starts before its requests are given up.
func (g *groupState) refuseQueue(c *course) {
	steady := c.steady
	hopeful := steady.worked() && steady.failures < maxFailures
	if g.pressing() == 0 || c.ready+c.spawning > 0 || steady.failure == nil || hopeful || !c.now.Before(steady.retryAt) {
		return
	}
	g.rejectAll(&StartError{App: g.app.Name, Failure: *steady.failure})
}

// endDrains moves the draining processes on that are empty, or have been draining for too long, and
// those that were kept long enough.
func (g *groupState) endDrains(c *course) {
	kept := c.standby
	if kept+c.draining == 0 {
		return
	}
	for _, p := range g.procs {
		switch {
		case p.state == Standby && !c.keeps(p):
			g.stop(c.now, p, "the rollback window is over")
		case p.state != Draining, p.perhapsDead(c.now):
		case p.load() == 0 && c.keeps(p) && (g.spare < 0 || kept < g.spare):
			kept++
			g.standBy(c.now, p)
		case p.load() == 0 && c.mayRefork(p):
			g.beSource(c.now, p)
		case p.load() == 0:
			g.stop(c.now, p, "")
		case p.requests == 0 && c.blocked:
			g.stop(c.now, p, "a blocking restart waits for it")
		case !c.now.Before(c.deadlineOf(p)):
			g.stop(c.now, p, "drained for too long")
		}
	}
	g.endOldest(g.fresh(c))
}

// endOldest ends what only keeps long-lived connections, or is kept for a rollback, if there are more
// generations alive than may be: the oldest first.
func (g *groupState) endOldest(c *course) {
	if c.apart == 0 {
		return
	}
	numbers := g.numbers(c.wanted)
	excess := len(numbers) - g.app.Restart.MaxOldGenerations - 1
	for _, oldest := range numbers[:max(0, excess)] {
		for _, p := range g.procs {
			if p.generation.number == oldest && (p.state == Standby || p.onlyConnected()) {
				g.stop(c.now, p, "more than max_old_generations live")
			}
		}
	}
}

// endGenerations tells which generations are over: nothing of them lives, and nothing of them is spawned any
// more, unless an operator goes back to one.
func (g *groupState) endGenerations(c *course) {
	g.unfinished = slices.DeleteFunc(g.unfinished, func(n *generation) bool {
		if c.of(n).all > 0 || g.works(n) || !g.closed && (n == c.good || n == c.wanted && !n.rejected()) {
			return false
		}
		g.os.over(n)
		return true
	})
}

// killOverdue kills what was asked to exit and did not. Before that it is asked where it hangs.
func (g *groupState) killOverdue(c *course) {
	if c.leaving == 0 {
		return
	}
	for _, p := range g.procs {
		due := c.deadlineOf(p)
		if p.state != Stopping || due.IsZero() || c.now.Before(due) {
			continue
		}
		if g.hurried || !g.trace(c.now, p) {
			g.kill(c.now, p)
		}
		c.await(p)
	}
}
