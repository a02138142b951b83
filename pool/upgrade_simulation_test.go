package pool

import (
	"math/rand/v2"
	"slices"
	"time"

	"purser/conf"
)

// This file is how a front of the simulated world is upgraded: it yields, another adopts, and it finishes what it has.

// A simFront is one front of purser.
type simFront struct {
	dead     bool
	counters map[*simGroup]*counter // once it has yielded
	link     *link                  // likewise: to the owner
}

func newSimFront() *simFront { return &simFront{counters: map[*simGroup]*counter{}} }

func newState(app conf.App, release Release, os driver, r *rand.Rand) *groupState {
	s := newGroupState(app, release, os, r)
	return &s
}

// A link is what carries messages between an old front and the owner, in order and after a while.
type link struct {
	world    *world
	of       *simFront
	lender   *Lender
	borrower *Borrower
	cut      bool
	declared bool
	sent     [2]time.Time // when the last that is under way arrives, there and back
}

const toOwner, fromOwner = 0, 1

func (l *link) carry(way int, arrives func()) {
	w := l.world
	at := w.now.Add(w.between(0, 5*time.Millisecond))
	if at.Before(l.sent[way]) {
		at = l.sent[way]
	}
	l.sent[way] = at
	w.after(at.Sub(w.now), func() {
		if !l.cut {
			arrives()
		}
	})
}

// connect has an old front borrow from the owner.
func (w *world) connect(f *simFront) {
	l := &link{world: w, of: f}
	f.link = l
	l.borrower = &Borrower{say: func(m ToBorrower) {
		l.checkSaid(m)
		l.carry(fromOwner, func() {
			c := f.counters[w.group(m.App)]
			c.play("the owner says "+string(m.Verb), func(time.Time) { c.state.borrows.hear(l.lender, m) })
		})
	}}
	l.lender = &Lender{say: func(m ToOwner) { l.carry(toOwner, func() { l.hear(m) }) }}
	for _, g := range w.groups {
		f.counters[g].state.borrows.from(w.now, l.lender)
	}
	l.lender.say(ToOwner{Verb: verbDeclared})
}

func (w *world) group(name string) *simGroup {
	return w.groups[slices.IndexFunc(w.groups, func(g *simGroup) bool { return g.state.app.Name == name })]
}

// hear is the owner hearing an old front.
func (l *link) hear(m ToOwner) {
	w := l.world
	if m.Verb == verbDeclared {
		l.declared = true
		w.goOn()
		return
	}
	g := w.group(m.App)
	if m.Verb == verbReturn {
		w.seen["what was lent to a visitor who had left comes back"]++
	}
	g.excused = m.Verb == verbRecycle
	g.play(w.name("an old front says %s of process %d", m.Verb, m.Process), func(now time.Time) { g.state.hear(now, l.borrower, m) })
}

// checkSaid: what the owner lends is what the visitor of the old front may have.
func (l *link) checkSaid(m ToBorrower) {
	if m.Verb != verbLend {
		return
	}
	g := l.world.group(m.App)
	c := l.of.counters[g]
	if w := c.state.borrows.waiting[m.Ticket]; w != nil {
		g.noteTakenBack()
		p, v := g.state.numbered(m.Process), c.visitors[w]
		g.checkLent(p, v.who, Wish{Pin: v.wish.Pin})
	}
}

// cutLinks ends the owner for all old fronts.
func (w *world) cutLinks() {
	for _, f := range w.olds {
		if l := f.link; l != nil {
			l.cut = true
			for _, c := range f.counters {
				c.state.borrows.lost(l.lender)
			}
		}
	}
}

// armUpgrade has the front be upgraded soon, and the next ones, too.
func (w *world) armUpgrade() {
	if !w.calm {
		w.after(w.between(500*time.Millisecond, 12*time.Second), w.armUpgrade)
		w.upgrade()
	}
}

// upgrade has the front yield to another.
func (w *world) upgrade() {
	if w.held || len(w.olds) == 2 {
		return
	}
	w.tell("the front yields")
	w.seen["upgraded"]++
	old := w.front
	w.kill = nil
	w.cutLinks()
	for _, g := range w.groups {
		c := g.counter
		g.takeLateNote()
		w.what = "yields"
		c.state.yield(w.now)
		g.takeNote()
		c.state.os = oldDriver{c}
		old.counters[g] = c
		c.play("has yielded", func(time.Time) {})
		for range w.rand.IntN(6) {
			c.during(w.between(0, 3*time.Second), c.visit)
		}
	}
	w.olds = append(w.olds, old)
	if w.chance(30) {
		w.after(w.between(0, 20*time.Second), func() { w.oldDies(old) })
	}
	w.after(0, func() { w.oldFinishes(old) })
	w.upgrading = true
	w.follow()
	w.upgrading = false
}

// oldFinishes ends an old front that has nothing left.
func (w *world) oldFinishes(f *simFront) {
	if f.dead {
		return
	}
	busy := w.now.Before(w.start) // never
	for _, c := range f.counters {
		busy = busy || len(c.visitors) > 0
		for _, n := range c.loads {
			busy = busy || n > 0
		}
	}
	if busy {
		w.after(200*time.Millisecond, func() { w.oldFinishes(f) })
		return
	}
	w.seen["an old front ends"]++
	w.leave(f)
}

func (w *world) oldDies(f *simFront) {
	if !f.dead {
		w.seen["an old front dies"]++
		w.leave(f)
	}
}

// leave is the end of an old front.
func (w *world) leave(f *simFront) {
	f.dead = true
	f.link.cut = true
	w.olds = slices.DeleteFunc(w.olds, func(o *simFront) bool { return o == f })
	for _, g := range w.groups {
		if g.state.debts.of(f.link.borrower) == nil {
			continue
		}
		g.event("an old front is gone", func(now time.Time) { g.state.endDebt(now, f.link.borrower) })
		if g.state.debts.of(f.link.borrower) != nil {
			g.fail("an old front is gone, and has something yet")
		}
	}
	w.goOn()
}

// goOn has the groups that were adopted go on once all old fronts have said what they have.
func (w *world) goOn() {
	if !w.held || slices.ContainsFunc(w.olds, func(f *simFront) bool { return !f.link.declared }) {
		return
	}
	w.held = false
	for _, g := range w.groups {
		g.state.held = false
	}
	for _, g := range w.groups {
		g.excused = true
		g.settle("goes on")
	}
}

// lentOut is how often p is lent to old fronts, as far as the owner knows.
func (g *simGroup) lentOut(p *Process) (n int) {
	for _, d := range g.state.debts {
		if l := d.loans[p.number]; l != nil && l.p == p {
			n += l.requests + l.connections
		}
	}
	return n
}
