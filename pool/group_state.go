package pool

import (
	"math/rand/v2"
	"slices"
	"time"

	"purser/conf"
)

// groupState is everything a Group knows. Its methods are the events that can befall a group: each
// records one fact and then settles. It has no goroutine, no lock and no clock, so a test can play
// any history to it, step by step, and get the same answer every time.
//
// Group guards it with a mutex and supplies the time.
type groupState struct {
	generations
	roster
	queue   queue      // empty unless nothing lendable that may serve it has room
	borrows *borrowing // it has yielded, and decides nothing any more; nil = it has not

	spare   int  // so many processes that are kept for a rollback fit into memory; -1 = any number
	keep    int  // for the next settle: a recycled process is replaced, even above min, if there is room
	hang    hang // that it was found hung
	refused bool // the pool had no room for a process when it was asked last
	closed  bool
	hurried bool // close has run out of time
	held    bool // it is adopted, and is not to go on yet

	paused    bool // by an operator: nothing is lent
	turnsAway bool // and nobody waits for the end of that any more

	course course // as it was plotted last
}

func newGroupState(app conf.App, release Release, os driver, r *rand.Rand) groupState {
	g := groupState{
		generations: generations{wanted: &generation{number: 1, release: release}, resist: app.Restart.ResistDeploymentErrors},
		roster:      roster{app: app, os: os, rand: r, lendable: lendable{concurrency: app.Concurrency}},
		spare:       -1,
	}
	g.fitRoles(0)
	return g
}

// lend lends the process that fits a wish best if one has room that may serve it, else nil. Nobody is
// overtaken: where one has room, no request that could have it waits. This and giveBack are the path
// of every request: no clock, no allocation, no settling, and no walk over the processes unless some
// of them are too old for the request, or it is sent again.
func (g *groupState) lend(w Wish) *Process {
	p := g.lendable.first()
	if p != nil && w != (Wish{}) && !w.fits(p) {
		p = g.lendable.firstFor(Wish{g.pinned(w.Pin), w.Avoid})
	}
	if p != nil {
		p.requests++
		p.lent++
		g.lendable.took(p)
	}
	return p
}

// giveBack takes a process back from a request, and reports whether that calls for release.
func (g *groupState) giveBack(p *Process, o Outcome) (more bool) {
	if g.borrows != nil {
		g.borrows.says(verbRelease, p, o)
	}
	if p.requests == 0 {
		panic("BUG: a process is released that was not lent")
	}
	p.requests--
	p.generation.tally.add(o)
	if o == Unanswered {
		p.fruitless++
	}
	return g.relieved(p) || o == Erred && g.onTrial(p)
}

// hold counts a lent request as a long-lived connection from here on.
func (g *groupState) hold(p *Process) (more bool) {
	g.borrows.says(verbHold, p, Worked)
	return g.connected(p)
}

func (g *groupState) connected(p *Process) (more bool) {
	if p.requests == 0 {
		panic("BUG: a process is held that was not lent")
	}
	p.requests--
	p.connections++
	p.generation.tally.add(Worked)
	return g.relieved(p)
}

// stream is hold for a connection that goes on filling its place.
func (g *groupState) stream(p *Process) (more bool) {
	g.borrows.says(verbStream, p, Worked)
	p.places++
	return g.connected(p)
}

// endStream is drop for one of those.
func (g *groupState) endStream(p *Process) (more bool) {
	g.borrows.says(verbEndStream, p, Worked)
	p.places--
	return g.disconnected(p)
}

// drop ends a long-lived connection. It reports whether that calls for release.
func (g *groupState) drop(p *Process) (more bool) {
	g.borrows.says(verbDrop, p, Worked)
	return g.disconnected(p)
}

func (g *groupState) disconnected(p *Process) (more bool) {
	if p.connections == 0 {
		panic("BUG: a connection is dropped that was not held")
	}
	p.connections--
	return g.relieved(p)
}

func (g *groupState) relieved(p *Process) (more bool) {
	g.lendable.moved(p)
	return g.queue.length > 0 || p.state == Draining || p.limit > 0 && p.processed() == p.limit
}

// onTrial reports whether the answers of p's generation are compared with those of the last good one.
func (g *groupState) onTrial(p *Process) bool {
	return g.app.Health.Probation > 0 && g.takingOver(g.running(), p.generation)
}

// answer ends w's wait.
func (g *groupState) answer(w *waiter, p *Process, err error) {
	g.queue.remove(w)
	g.borrows.left(w)
	w.proc, w.err = p, err
	if w.debt != nil {
		w.debt.answered(w)
		return
	}
	g.os.answer(w)
}

func (g *groupState) rejectAll(err error) {
	for g.queue.length > 0 {
		g.answer(g.queue.first, nil, err)
	}
}

// configs are those of the generations that live, or may be spawned.
func (g *groupState) configs() map[int]bool {
	used := map[int]bool{g.wanted.config: true}
	for _, n := range append(slices.Clone(g.past), g.good) {
		if n != nil {
			used[n.config] = true
		}
	}
	for _, p := range g.procs {
		used[p.generation.config] = true
	}
	for _, r := range g.roles {
		if r.of != nil {
			used[r.of.config] = true
		}
		for _, p := range r.procs {
			used[p.generation.config] = true
		}
	}
	if g.next != nil {
		used[g.next.request.Config] = true
	}
	return used
}

// plot takes the course, in place of the one before.
func (g *groupState) plot(now time.Time) *course {
	c := &g.course
	*c = course{generations: &g.generations, now: now, app: &g.app, procs: g.procs, roles: g.roles, moves: g.moves, restart: g.running(), way: rolling{},
		hurried: g.hurried, closed: g.closed, stopped: g.stopped, due: alarm{now: now}}
	if c.restart != nil {
		c.way = c.restart.way()
	}
	for _, p := range g.procs {
		c.count(now, p, c.generations)
		if p.state > Ready {
			c.await(p)
		} else if len(p.stuck) > 0 {
			c.countStuck(p)
		}
	}
	c.chart()
	c.awaitWorkers()
	if !g.closed {
		c.awaitRestart(g.restartTo(c.wanted))
	}
	return c
}

// fresh returns c, taken again if there was a move since.
func (g *groupState) fresh(c *course) *course {
	if c.moves == g.moves {
		return c
	}
	return g.plot(c.now)
}

// timeOut answers the requests that have waited too long. The first of the queue is the first to.
func (g *groupState) timeOut(now time.Time) {
	for w := g.queue.first; w != nil && !w.deadline.IsZero() && !now.Before(w.deadline); w = g.queue.first {
		g.answer(w, nil, g.late())
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
