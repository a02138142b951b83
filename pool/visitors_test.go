package pool

import (
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the visitors of the simulated world, and its operators.

// A visitor is one request that had to queue.
type visitor struct {
	waiter
	ticket  int
	who     int // a regular visitor, or nobody
	answers int
	took    bool // what it was answered
	left    bool
}

// visit is a request, as Group.Acquire plays it.
func (c *counter) visit() {
	w := c.world
	if !c.old() && w.held {
		return // it does not accept yet
	}
	who := c.anybody()
	wish := c.wishOf(who)
	if c.isServed(who, wish) {
		return
	}
	v := c.newVisitor()
	v.who, v.wish = who, wish
	var full error
	if c.state.borrows == nil {
		full = c.state.full()
	}
	event := c.event
	if full != nil {
		event = c.play // who is refused settles nothing
	}
	event(c.world.name("visitor %d queues, pinned to %d", v.ticket, v.wish.Pin), func(now time.Time) {
		err := c.state.acquire(now, &v.waiter)
		if !errors.Is(err, full) {
			w.fail("full said %v, but a request got %v", full, err)
		}
		if err != nil {
			delete(c.visitors, &v.waiter)
		}
	})
	if w.chance(30) {
		c.during(w.between(0, 4*time.Second), func() { c.leaves(v) })
	}
}

// nobody is a visitor who is never seen again.
const nobody = -1

func (c *counter) anybody() int {
	if len(c.people) == 0 || c.world.chance(30) {
		return nobody
	}
	return c.world.rand.IntN(len(c.people))
}

// wishOf is what a visitor wishes. Some come again, after a process has failed them.
func (c *counter) wishOf(who int) (wish Wish) {
	if who != nobody {
		wish.Pin = c.people[who]
	}
	if procs := c.state.procs; len(procs) > 0 && c.world.rand.IntN(100) < 20 {
		wish.Avoid = procs[c.world.rand.IntN(len(procs))]
	}
	return wish
}

// isServed is a request that need not queue.
func (c *counter) isServed(who int, wish Wish) bool {
	p := c.state.lend(wish)
	if p == nil {
		return false
	}
	if c.world.what = "lends"; c.world.trace != nil {
		c.world.what = c.state.app.Name + ": lends"
		c.world.tell("%s process %d", c.world.what, p.number)
	}
	c.checkLent(p, who, wish)
	c.gain(p)
	c.serve(p)
	return true
}

func (c *counter) newVisitor() *visitor {
	c.tickets++
	v := &visitor{ticket: c.tickets, who: nobody}
	c.visitors[&v.waiter] = v
	return v
}

// answer is a visitor being told; he takes it a moment later, or has left meanwhile.
func (c *counter) answer(waiting *waiter) {
	c.acts++
	c.noteTakenBack()
	v := c.visitors[waiting]
	if v == nil || v.answers > 0 || v.left {
		c.world.fail("a visitor is answered again, or after he left")
	}
	v.answers++
	if c.old() {
		c.checkOldAnswer(v)
	} else {
		c.checkAnswer(v)
	}
	if v.proc != nil {
		c.gain(v.proc)
	}
	if c.world.chance(10) {
		c.during(0, func() { c.leaves(v) })
	}
	c.during(c.world.between(0, time.Millisecond), func() { c.takes(v) })
}

func (c *counter) takes(v *visitor) {
	if v.left {
		return
	}
	v.took = true
	delete(c.visitors, &v.waiter)
	if v.proc != nil {
		c.serve(v.proc)
	}
}

func (c *counter) leaves(v *visitor) {
	if v.took || c.visitors[&v.waiter] == nil {
		return
	}
	v.left = true
	if v.proc != nil {
		c.lose(v.proc)
	}
	c.event(c.world.name("visitor %d leaves", v.ticket), func(now time.Time) { c.state.abandon(now, &v.waiter) })
	delete(c.visitors, &v.waiter)
}

// serve is a request that has its process: most are short, some outlast every deadline, and some
// become long-lived connections.
func (c *counter) serve(p *Process) {
	w := c.world
	switch {
	case w.calm:
		c.during(10*time.Millisecond, func() { c.ends(p, "request ends", c.givesBack) })
	case w.chance(6):
		c.during(w.between(0, 100*time.Millisecond), func() { c.holds(p) })
	case w.chance(3):
		c.servesLate(p, w.between(5*time.Second, 20*time.Second))
	default:
		c.during(w.between(time.Millisecond, 600*time.Millisecond), func() { c.ends(p, "request ends", c.givesBack) })
	}
}

// servesLate is a request that takes so long. Some begin to be answered before.
func (c *counter) servesLate(p *Process, takes time.Duration) {
	w, before := c.world, func() {}
	switch limit := c.state.app.HangAfter; {
	case w.chance(20):
		p.Begins()
		before = p.Ends
	case limit > 0 && takes > limit:
		c.during(limit, func() {
			since := w.now.Add(-limit)
			c.event(c.world.name("process %d: nothing comes of a request", p.number), func(now time.Time) { c.state.stuck(now, p, since) })
			before = func() {
				c.event(c.world.name("process %d: something comes of a request", p.number), func(now time.Time) { c.state.unstuck(now, p, since) })
			}
		})
	}
	c.during(takes, func() {
		before()
		c.ends(p, "request ends late", c.givesBack)
	})
}

// givesBack is how a request ends, which the app sometimes spoils.
func (c *counter) givesBack(p *Process) (more bool) {
	return c.state.giveBack(p, c.outcome(p))
}

func (c *counter) outcome(p *Process) Outcome {
	switch {
	case c.world.chance(2):
		return []Outcome{Unclear, Unanswered}[c.world.rand.IntN(2)]
	case p.generation.release.Revision == "errs" && c.world.chance(50), c.world.chance(1):
		return Erred
	}
	return Worked
}

func (c *counter) holds(p *Process) {
	if f := c.fates[p.number]; f != nil {
		f.beside = true
	}
	begins, ends := c.state.hold, c.state.drop
	if c.world.chance(50) {
		begins, ends = c.state.stream, c.state.endStream
	}
	c.less(p, "request becomes a connection", begins)
	c.during(c.world.between(0, 20*time.Second), func() { c.ends(p, "connection ends", ends) })
}

func (c *counter) ends(p *Process, what string, event func(*Process) bool) {
	c.lose(p)
	c.less(p, what, event)
}

// less is what Group.less does. It settles only if something can come of it.
func (c *counter) less(p *Process, what string, event func(*Process) bool) {
	c.play(c.world.name("process %d: %s", p.number, what), func(now time.Time) {
		if event(p) {
			c.state.released(now, p)
		}
	})
}

func (g *simGroup) moved() { g.acts++ }

func (g *simGroup) note(_ hclog.Level, message string, pairs ...any) {
	g.acts++
	if why := slices.Index(pairs, any("why")); why >= 0 {
		message += ": " + pairs[why+1].(string)
	}
	g.world.seen[message]++
	switch message {
	case "process ready", "process serves again":
		g.began++
	case "draining process: replaced by another generation", "draining process: max_requests reached",
		"draining process: chosen as the fork source", "draining process: replaced from the new fork source":
		g.retired++
	case "draining process: idle", "draining process: another app needs room", "draining process: above max_processes":
		g.leftOut++
	case "draining process: hang_after passed":
		g.relieved++
		g.excused = true
	case "draining process: taken back":
		g.excused = true
	case "draining process: makes room for its replacement", "draining process: makes way for another generation":
		g.ahead++
	}
	if g.world.trace != nil {
		g.world.tell("%s:     %s %v", g.state.app.Name, message, pairs)
	}
}
