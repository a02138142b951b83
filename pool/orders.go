package pool

import (
	"cmp"
	"slices"
	"time"

	"purser/conf"

	"github.com/hashicorp/go-hclog"
)

// This file is what operators, the configuration and other groups want of a group.

// configure has the group go by another configuration of its app. What is new in it is known to configurations from that
// number on.
func (g *groupState) configure(now time.Time, app conf.App, number int) {
	g.app, g.resist = app, app.Restart.ResistDeploymentErrors
	g.changes++
	g.fitRoles(number)
	g.fitLendable()
	if app.QueueTimeout > 0 {
		g.queue.hurry(now.Add(app.QueueTimeout))
	}
	if r := g.running(); r != nil {
		r.fit(&app)
	}
	g.settle(now)
}

// endAlone is close for one app alone, as an operator wants it. Purser goes on.
func (g *groupState) endAlone(now time.Time) {
	g.stopped = g.stopped || !g.closed
	g.close(now)
}

// close turns requests away and lets every process go.
func (g *groupState) close(now time.Time) {
	if g.closed {
		return
	}
	g.closed = true
	g.changes++
	g.awaitRoom(now, nothing)
	if g.next != nil {
		g.dropFollowUp(now, RestartFailed, g.stopFailure(now, g.next.record))
	}
	if r := g.running(); r != nil {
		r.failure = g.stopFailure(now, r)
		g.end(now, r, RestartFailed)
	}
	g.rejectAll(g.refusal())
	for _, p := range g.procs {
		switch p.state {
		case Spawning:
			g.giveUp(now, p)
		case Ready:
			g.drain(now, p, g.ending())
		}
	}
	g.settle(now)
}

// killAll is for a close that has run out of time. It returns how many processes are left to kill.
func (g *groupState) killAll(now time.Time) int {
	g.hurried = true
	for _, p := range g.procs {
		if p.state == Draining {
			g.move(now, p, Stopping, "out of time")
		}
	}
	left := len(g.procs) + len(g.workers())
	g.settle(now)
	return left
}

// restart wants a new generation, or a newer release for the one that is still held back.
func (g *groupState) restart(now time.Time, id string, req RestartRequest) *restart {
	req.Strategy = cmp.Or(req.Strategy, g.app.Restart.Strategy, Rolling)
	r := g.running()
	switch {
	case r != nil && r.joinable(now, req):
		g.noteGivenUp(r)
		g.wanted = &generation{number: r.generation.number, release: req.Release, insisted: req.Insist, config: req.Config}
		r.generation, r.reason = g.wanted, req.Reason
		g.begun(now, r, req)
	case g.mustBoot(g.plot(now), r):
		r = g.follow(g.plot(now), id, req, r)
	default:
		r = g.supersede(now, id, req, r)
	}
	g.settle(now)
	return r
}

// refuse records a restart that was asked for and may not be.
func (g *groupState) refuse(now time.Time, id string, req RestartRequest, reason string, output []string) *restart {
	r := g.newRestart(g.plot(now), id, req, nil)
	r.failure = g.failure(now, r.generation.number, reason)
	r.failure.Output = output
	g.endUnbegun(now, r, RestartFailed)
	return r
}

// postpone holds the restart that runs back for another while, if a request could join it.
func (g *groupState) postpone(now time.Time, settle time.Duration) bool {
	r := g.running()
	if r == nil || !r.joinable(now, RestartRequest{Settle: settle, Strategy: r.asked}) {
		return false
	}
	r.hold(now, settle)
	g.changes++
	g.settle(now)
	return true
}

// promote lets a canary's restart go on: now an old process goes for each of the new.
func (g *groupState) promote(now time.Time) (*restart, error) {
	r := g.running()
	if !r.waits() {
		return nil, ErrNoCanary
	}
	r.canary = 0
	g.moves++
	g.step(now, r, "promoted", nil)
	g.os.note(hclog.Info, "canary promoted", "id", r.id, "generation", r.generation.number)
	g.settle(now)
	return r, nil
}

// rollback takes the wanted generation back: the last good one serves, or one before if it was that itself. What cannot
// serve any more, as newer code was deployed in its folder, is passed over. A restart that runs has failed by that.
func (g *groupState) rollback(now time.Time, id, reason string) (*restart, error) {
	if g.closed {
		return nil, g.refusal()
	}
	c := g.plot(now)
	back, from := g.back(now, func(n *generation) bool { return c.of(n).alive > 0 })
	switch {
	case back == nil && g.older():
		return nil, ErrOverwritten
	case back == nil:
		return nil, ErrNothingOlder
	}
	why := g.failure(now, g.wanted.number, "rolled back")
	if reason != "" {
		why.Reason = "rolled back: " + reason
	}
	had := c.servers()
	g.dropFollowUp(now, RestartFailed, why)
	if r := g.running(); r != nil {
		r.failure = why
		g.end(now, r, RestartFailed)
	}
	if from != nil {
		g.past, g.good = g.past[:slices.Index(g.past, back)], back
	}
	g.withdraw(takenBack, why)
	back.forgive()
	r := g.newRollback(g.plot(now), id, reason, back, from, had)
	g.settle(now)
	return r, nil
}

// offer returns what the group could give up. It reports false if that is nothing.
func (g *groupState) offer(now time.Time) (idle time.Time, load int, ok bool) {
	g.look(now)
	switch p, busy := g.leastNeeded(g.plot(now)); {
	case p == nil || g.closed:
		return idle, 0, false
	case busy:
		return idle, p.load(), true
	case p.state == Standby:
		return p.since, 0, true
	default:
		return p.lastUsed, 0, true
	}
}

// makeWay gives up a process for the room that another group needs, a busy one only if that needs it to live.
// It reports whether there was one.
func (g *groupState) makeWay(now time.Time, n need) bool {
	const why = "another app needs room"
	g.look(now)
	c := g.plot(now)
	p, busy := g.leastNeeded(c)
	if p == nil || g.closed || busy && n != subsistence {
		return false
	}
	switch ready := c.ready; p.state {
	case Spawning:
		g.giveUp(now, p)
	case Standby:
		g.stop(now, p, why)
	default:
		g.drain(now, p, why)
		g.shrinkTo(ready - 1)
	}
	g.settle(now)
	return true
}

// yield has the group decide nothing from now on. What it has lent it keeps, and what waits goes on waiting. Whoever
// borrows of it has to turn to the next owner.
func (g *groupState) yield(now time.Time) {
	if g.borrows != nil {
		panic("BUG: app " + g.app.Name + " yields twice")
	}
	for _, d := range g.debts {
		d.end()
	}
	g.debts = nil
	b := &borrowing{state: g, known: map[int]*Process{}, waiting: map[uint64]*waiter{}, last: snapshotOf(g, now)}
	g.borrows = b
	g.lendable.setConcurrency(0)
	for _, p := range g.procs {
		switch {
		case p.child != nil:
			b.known[p.number] = p
			p.retired.Store(true)
		case p.state == Spawning:
			g.os.abort(p)
		}
	}
	for _, p := range g.workers() {
		if p.state == Spawning && p.child == nil {
			g.os.abort(p)
		}
	}
	for w := g.queue.first; w != nil; w = w.next {
		b.enter(w)
	}
	g.changes++  // the last note has what requests did, too
	g.os.moved() // who waits for a restart has to ask elsewhere
}

// yielded is the error of an operator's order if another front owns the group.
func (g *groupState) yielded() error {
	if g.borrows != nil {
		return ErrYielded
	}
	return nil
}

// notOurs is what a restart comes to that was asked for in the wrong front. It is not remembered.
func (g *groupState) notOurs(now time.Time, req RestartRequest) RestartSnapshot {
	return RestartSnapshot{ID: newID(), App: g.app.Name, Generation: g.wanted.number, Strategy: cmp.Or(req.Strategy, g.app.Restart.Strategy, Rolling),
		Reason: req.Reason, By: req.By, State: RestartFailed, Started: now, Ended: &now, Release: req.Release,
		Failure: g.failure(now, g.wanted.number, ErrYielded.Error())}
}
