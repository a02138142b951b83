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
func (g *simGroup) visit() {
	w := g.world
	who := g.anybody()
	wish := g.wishOf(who)
	if g.isServed(who, wish) {
		return
	}
	v := g.newVisitor()
	v.who, v.wish = who, wish
	full := g.state.queueFull()
	event := g.event
	if full {
		event = g.play // who is refused settles nothing
	}
	event(g.world.name("visitor %d queues, pinned to %d", v.ticket, v.wish.Pin), func(now time.Time) {
		err := g.state.acquire(now, &v.waiter)
		if full != errors.Is(err, ErrQueueFull) {
			w.fail("queueFull said %v, but a request got %v", full, err)
		}
		if err != nil {
			delete(g.visitors, &v.waiter)
		}
	})
	if w.chance(30) {
		w.during(w.between(0, 4*time.Second), func() { g.leaves(v) })
	}
}

// nobody is a visitor who is never seen again.
const nobody = -1

func (g *simGroup) anybody() int {
	if len(g.people) == 0 || g.world.chance(30) {
		return nobody
	}
	return g.world.rand.IntN(len(g.people))
}

// wishOf is what a visitor wishes. Some come again, after a process has failed them.
func (g *simGroup) wishOf(who int) (wish Wish) {
	if who != nobody {
		wish.Pin = g.people[who]
	}
	if procs := g.state.procs; len(procs) > 0 && g.world.rand.IntN(100) < 20 {
		wish.Avoid = procs[g.world.rand.IntN(len(procs))]
	}
	return wish
}

// isServed is a request that need not queue.
func (g *simGroup) isServed(who int, wish Wish) bool {
	p := g.state.lend(wish)
	if p == nil {
		return false
	}
	g.world.what = g.state.app.Name + ": lends"
	g.world.tell("%s process %d", g.world.what, p.number)
	g.checkLent(p, who, wish)
	g.children[p].load++
	g.serve(p)
	return true
}

func (g *simGroup) newVisitor() *visitor {
	g.tickets++
	v := &visitor{ticket: g.tickets, who: nobody}
	g.visitors[&v.waiter] = v
	return v
}

// answer is a visitor being told; he takes it a moment later, or has left meanwhile.
func (g *simGroup) answer(waiting *waiter) {
	g.acts++
	g.noteTakenBack()
	v := g.visitors[waiting]
	if v == nil || v.answers > 0 || v.left {
		g.world.fail("a visitor is answered again, or after he left")
	}
	v.answers++
	g.checkAnswer(v)
	if v.proc != nil {
		g.children[v.proc].load++
	}
	if g.world.chance(10) {
		g.world.during(0, func() { g.leaves(v) })
	}
	g.world.during(g.world.between(0, time.Millisecond), func() { g.takes(v) })
}

func (g *simGroup) takes(v *visitor) {
	if v.left {
		return
	}
	v.took = true
	delete(g.visitors, &v.waiter)
	if v.proc != nil {
		g.serve(v.proc)
	}
}

func (g *simGroup) leaves(v *visitor) {
	if v.took || g.visitors[&v.waiter] == nil {
		return
	}
	v.left = true
	if v.proc != nil {
		g.lose(v.proc)
	}
	g.event(g.world.name("visitor %d leaves", v.ticket), func(now time.Time) { g.state.abandon(now, &v.waiter) })
	delete(g.visitors, &v.waiter)
}

// serve is a request that has its process: most are short, some outlast every deadline, and some
// become long-lived connections.
func (g *simGroup) serve(p *Process) {
	w := g.world
	switch {
	case w.calm:
		w.during(10*time.Millisecond, func() { g.ends(p, "request ends", g.givesBack) })
	case w.chance(6):
		w.during(w.between(0, 100*time.Millisecond), func() { g.holds(p) })
	case w.chance(3):
		g.servesLate(p, w.between(5*time.Second, 20*time.Second))
	default:
		w.during(w.between(time.Millisecond, 600*time.Millisecond), func() { g.ends(p, "request ends", g.givesBack) })
	}
}

// servesLate is a request that takes so long. Some begin to be answered before.
func (g *simGroup) servesLate(p *Process, takes time.Duration) {
	w, before := g.world, func() {}
	switch limit := g.state.app.HangAfter; {
	case w.chance(20):
		p.Begins()
		before = p.Ends
	case limit > 0 && takes > limit:
		w.during(limit, func() {
			since := w.now.Add(-limit)
			g.event(g.world.name("process %d: nothing comes of a request", p.number), func(now time.Time) { g.state.stuck(now, p, since) })
			before = func() {
				g.event(g.world.name("process %d: something comes of a request", p.number), func(now time.Time) { g.state.unstuck(now, p, since) })
			}
		})
	}
	w.during(takes, func() {
		before()
		g.ends(p, "request ends late", g.givesBack)
	})
}

// givesBack is how a request ends, which the app sometimes spoils.
func (g *simGroup) givesBack(p *Process) (more bool) {
	return g.state.giveBack(p, g.outcome(p))
}

func (g *simGroup) outcome(p *Process) Outcome {
	switch {
	case g.world.chance(2):
		return []Outcome{Unclear, Unanswered}[g.world.rand.IntN(2)]
	case p.generation.release.Revision == "errs" && g.world.chance(50), g.world.chance(1):
		return Erred
	}
	return Worked
}

func (g *simGroup) holds(p *Process) {
	if f := g.children[p]; f != nil {
		f.beside = true
	}
	begins, ends := g.state.hold, g.state.drop
	if g.world.chance(50) {
		begins, ends = g.state.stream, g.state.endStream
	}
	g.less(p, "request becomes a connection", begins)
	g.world.during(g.world.between(0, 20*time.Second), func() { g.ends(p, "connection ends", ends) })
}

func (g *simGroup) ends(p *Process, what string, event func(*Process) bool) {
	g.lose(p)
	g.less(p, what, event)
}

// lose notes that p is lent once less.
func (g *simGroup) lose(p *Process) {
	if f := g.children[p]; f != nil {
		f.load--
	}
}

// less is what Group.less does. It settles only if something can come of it.
func (g *simGroup) less(p *Process, what string, event func(*Process) bool) {
	g.play(g.world.name("process %d: %s", p.number, what), func(now time.Time) {
		if event(p) {
			g.state.released(now, p)
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
	case "draining process: replaced by another generation", "draining process: max_requests reached":
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
