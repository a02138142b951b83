package pool

import (
	"errors"
	"time"
)

// This file is the visitors of the simulated world as one front sees them.

// A counter is where the visitors of an app come in one front.
type counter struct {
	*simGroup
	front    *simFront
	state    *groupState
	visitors map[*waiter]*visitor
	loads    map[*Process]int // how often each is lent here
	alarm    time.Time        // once the front has yielded: the next time that is up for who waits
}

// open opens the counter of the owner.
func (g *simGroup) open() {
	g.counter = &counter{simGroup: g, front: g.world.front, state: g.state, visitors: map[*waiter]*visitor{}, loads: map[*Process]int{}}
}

func (g *simGroup) answer(w *waiter) { g.counter.answer(w) }

func (c *counter) old() bool { return c.state.borrows != nil }

// during puts something on the agenda that ends with the front.
func (c *counter) during(d time.Duration, do func()) {
	c.world.after(d, func() {
		if !c.front.dead {
			do()
		}
	})
}

// gain and lose note that p is lent once more, or less.
func (c *counter) gain(p *Process) { c.loads[p]++ }

func (c *counter) lose(p *Process) { c.loads[p]-- }

// event and play are an event of the app in this front.
func (c *counter) event(what string, do func(time.Time)) {
	if !c.old() {
		c.simGroup.event(what, do)
		return
	}
	c.play(what, do)
}

func (c *counter) play(what string, do func(time.Time)) {
	if !c.old() {
		c.simGroup.play(what, do)
		return
	}
	w := c.world
	if w.what = what; w.trace != nil {
		w.what = c.state.app.Name + " of an old front: " + what
		w.tell("%s", w.what)
	}
	do(w.now)
	if next := c.state.deadline(w.now); !next.IsZero() && (c.alarm.IsZero() || next.Before(c.alarm)) {
		c.alarm = next
		c.during(next.Sub(w.now), func() {
			if c.alarm.Equal(w.now) {
				c.alarm = time.Time{}
			}
			c.play("timer", c.state.settle)
		})
	}
	c.checkOld()
}

// An oldDriver is what acts for a group that has yielded.
type oldDriver struct{ *counter }

func (d oldDriver) answer(w *waiter) { d.counter.answer(w) }

func (oldDriver) moved() {}

func (d oldDriver) abort(*Process) { d.fail("a group that has yielded gives up a spawn") }

func (d oldDriver) stop(*Process) { d.fail("a group that has yielded stops a process") }

func (d oldDriver) kill(*Process) { d.fail("a group that has yielded kills a process") }

func (d oldDriver) spawn(*Process) { d.fail("a group that has yielded spawns a process") }

// checkOld is what has to hold in a front that has yielded: it counts rightly, nobody waits too long, and the owner knows
// of all that it has lent.
func (c *counter) checkOld() {
	s := c.state
	for p, n := range c.loads {
		if n != p.load() {
			c.fail("process %d has a load of %d in an old front, it counts %d and %d", p.number, n, p.requests, p.connections)
		}
	}
	if len(s.borrows.waiting) != s.queue.length {
		c.fail("%d visitors of an old front wait, and %d have tickets", s.queue.length, len(s.borrows.waiting))
	}
	if w := s.queue.first; w != nil && !w.deadline.IsZero() && w.deadline.Before(c.world.now) {
		c.fail("a visitor of an old front waits for %v too long", c.world.now.Sub(w.deadline))
	}
	if l := c.front.link; l != nil && l.declared && !l.cut {
		c.checkKnown(c.simGroup.state.debts.of(l.borrower))
	}
}

// checkKnown: what an old front has of a process that lives the owner counts as lent, so that it is not ended as idle.
func (c *counter) checkKnown(d *debt) {
	for number, p := range c.state.borrows.known {
		n := c.loads[p]
		if living := c.simGroup.state.numbered(number); living == nil || n == 0 {
			continue
		}
		if d == nil || d.loans[number] == nil || d.loans[number].requests+d.loans[number].connections < n {
			c.fail("an old front has lent process %d %d times, and the owner does not know", number, n)
		}
	}
}

// checkOldAnswer is what a visitor of an old front may be answered.
func (c *counter) checkOldAnswer(v *visitor) {
	seen, now := c.world.seen, c.world.now
	_, failed := errors.AsType[*StartError](v.err)
	switch {
	case v.err == nil && v.proc.borrowed:
		seen["visitor of an old front served by a process that is newer"]++
	case v.err == nil:
		seen["visitor of an old front served"]++
	case errors.Is(v.err, ErrQueueTimeout) && (v.deadline.IsZero() || now.Sub(v.deadline) <= 0), // the owner may have come to another queue_timeout
		errors.Is(v.err, ErrPaused), errors.Is(v.err, ErrQueueFull), errors.Is(v.err, ErrClosed), errors.Is(v.err, ErrStopped), failed:
		seen["visitor of an old front refused"]++
	default:
		c.fail("a visitor of an old front is answered %v", v.err)
	}
}
