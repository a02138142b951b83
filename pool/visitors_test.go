package pool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
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
	if g.isServed(who) {
		return
	}
	v := g.newVisitor()
	v.who, v.pin = who, g.pinOf(who)
	full := g.state.queueFull()
	g.event(fmt.Sprintf("visitor %d queues, pinned to %d", v.ticket, v.pin), func(now time.Time) {
		err := g.state.acquire(now, &v.waiter)
		if full != errors.Is(err, ErrQueueFull) {
			w.fail("queueFull said %v, but a request got %v", full, err)
		}
		if err != nil {
			delete(g.visitors, &v.waiter)
		}
	})
	if w.chance(30) {
		w.after(w.between(0, 4*time.Second), func() { g.leaves(v) })
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

func (g *simGroup) pinOf(who int) int {
	if who == nobody {
		return 0
	}
	return g.people[who]
}

// isServed is a request that need not queue.
func (g *simGroup) isServed(who int) bool {
	p := g.state.lend(g.pinOf(who))
	if p == nil {
		return false
	}
	g.world.what = g.state.app.Name + ": lends"
	g.world.tell("%s process %d", g.world.what, p.number)
	g.checkLent(p, who, g.pinOf(who))
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
		g.world.after(0, func() { g.leaves(v) })
	}
	g.world.after(g.world.between(0, time.Millisecond), func() { g.takes(v) })
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
	g.event(fmt.Sprintf("visitor %d leaves", v.ticket), func(now time.Time) { g.state.abandon(now, &v.waiter) })
	delete(g.visitors, &v.waiter)
}

// serve is a request that has its process: most are short, some outlast every deadline, and some
// become long-lived connections.
func (g *simGroup) serve(p *Process) {
	w := g.world
	switch {
	case w.calm:
		w.after(10*time.Millisecond, func() { g.ends(p, "request ends", g.givesBack) })
	case w.chance(6):
		w.after(w.between(0, 100*time.Millisecond), func() { g.holds(p) })
	case w.chance(3):
		w.after(w.between(5*time.Second, 20*time.Second), func() { g.ends(p, "request ends late", g.givesBack) })
	default:
		w.after(w.between(time.Millisecond, 600*time.Millisecond), func() { g.ends(p, "request ends", g.givesBack) })
	}
}

// givesBack is how a request ends, which the app sometimes spoils.
func (g *simGroup) givesBack(p *Process) (more bool) {
	return g.state.giveBack(p, g.outcome(p))
}

func (g *simGroup) outcome(p *Process) Outcome {
	switch {
	case g.world.chance(2):
		return Unclear
	case p.generation.release.Revision == "errs" && g.world.chance(50), g.world.chance(1):
		return Erred
	}
	return Worked
}

func (g *simGroup) holds(p *Process) {
	if f := g.children[p]; f != nil {
		f.beside = true
	}
	g.less(p, "request becomes a connection", g.state.hold)
	g.world.after(g.world.between(0, 20*time.Second), func() { g.ends(p, "connection ends", g.state.drop) })
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
	g.play(fmt.Sprintf("process %d: %s", p.number, what), func(now time.Time) {
		if event(p) {
			g.state.released(now, p)
		}
	})
}

// mischief is one thing that goes wrong, or that an operator does.
func (g *simGroup) mischief() {
	w := g.world
	switch n := w.rand.IntN(16); {
	case n < 4:
		if p := g.anyReady(); p != nil {
			g.exit(p, 0, "crashes")
		}
	case n < 5:
		if p := g.anyReady(); p != nil {
			g.play(fmt.Sprintf("process %d is doubted", p.number), func(now time.Time) { g.state.doubt(now, p) })
		}
	case n < 6:
		if p := g.anyReady(); p != nil {
			g.excused = true
			g.event(fmt.Sprintf("process %d is recycled", p.number), func(now time.Time) { g.state.recycle(now, p, "it hangs") })
		}
	case n < 7:
		if p := g.anyReady(); p != nil {
			g.excused = true
			g.event(fmt.Sprintf("process %d is detached", p.number), func(now time.Time) { g.state.detach(now, p.pid()) })
		}
	case n < 8:
		for _, p := range g.state.procs {
			if p.state == Standby {
				g.exit(p, 0, "dies while it stands by")
				return
			}
		}
	case n < 10:
		w.after(w.between(0, 2*time.Second), g.rollback)
	case n < 11:
		w.after(w.between(0, 2*time.Second), g.promote)
	case n < 12:
		for range 1 + w.rand.IntN(4) {
			w.after(w.between(0, time.Second), func() { g.marks = append(g.marks, w.now) })
		}
		w.after(w.between(0, 3*time.Second), g.restartMarked)
	default:
		for range 1 + w.rand.IntN(1+w.rand.IntN(4)) { // a storm, sometimes
			w.after(w.between(0, time.Second), g.restart)
		}
	}
}

func (g *simGroup) anyReady() *Process {
	if heap := g.state.lendable.heap; len(heap) > 0 {
		return heap[g.world.rand.IntN(len(heap))]
	}
	return nil
}

func (g *simGroup) restart() {
	w := g.world
	req := RestartRequest{Release: g.invent(35), Strategy: g.ways[w.rand.IntN(len(g.ways))]}
	switch {
	case w.chance(50):
		req.Settle = w.between(50*time.Millisecond, 2*time.Second)
	case !w.calm && w.chance(40):
		req.Canary = conf.Amount{Count: 1 + w.rand.IntN(2)}
	}
	if w.chance(20) {
		req.Memory = Memory{Free: int64(w.rand.IntN(5)) + 1, PerProcess: 1}
	}
	g.restartBy(req)
}

// restartMarked is restart --marked: once, however many marks there are.
func (g *simGroup) restartMarked() {
	if len(g.marks) > 0 {
		g.world.seen["restart of a marked app"]++
		g.restartBy(RestartRequest{Release: g.invent(0), Strategy: Rolling})
	}
}

func (g *simGroup) restartBy(req RestartRequest) {
	w := g.world
	last := g.state.lastRestart()
	joins := g.state.running() != nil && req.Settle > 0 && w.now.Before(g.quiet) && last.strategy == req.Strategy
	g.excused = true // what was let go ahead of one restart may be missing in the next
	g.event(fmt.Sprintf("%s restart with %s, settle %v, canary %d, memory %v", req.Strategy, req.Release.Path, req.Settle, req.Canary.Count, req.Memory), func(now time.Time) {
		number := g.state.wanted.number
		touched, quiet := g.touched, g.quiet
		if !joins {
			g.touched, g.quiet = now, time.Time{}
		}
		if req.Settle > 0 {
			g.quiet = now.Add(min(req.Settle, g.touched.Add(10*time.Second).Sub(now)))
		}
		r := g.state.restart(now, fmt.Sprint(w.rand.Uint32()), req)
		if joins != (r == last) {
			g.fail("whether the restart joins the last should be %v", joins)
		}
		switch {
		case joins:
			w.seen["restart joined"]++
		case g.state.wanted.number == number: // refused
			g.touched, g.quiet = touched, quiet
			if r.state != RestartFailed || r.failure == nil {
				g.fail("a restart is neither begun nor refused")
			}
			w.seen["restart refused"]++
		default:
			g.restarts++
		}
	})
}

func (g *simGroup) rollback() {
	g.excused = true
	g.event("is rolled back", func(now time.Time) {
		done := g.done
		g.done = 0
		r, err := g.state.rollback(now, fmt.Sprint(g.world.rand.Uint32()), "")
		if err != nil {
			g.done = done
			g.state.settle(now)
			g.world.seen["rollback refused: "+err.Error()]++
			return
		}
		g.world.seen["rollback"]++
		g.quiet = time.Time{} // nothing joins what was rolled back
		if g.done == 0 && r.from == nil {
			g.done = min(done, r.generation.number)
		}
		if !g.state.wanted.rejected && r.state == RestartRunning {
			g.fail("a generation that was rolled back is still wanted")
		}
	})
}

func (g *simGroup) promote() {
	g.event("is promoted", func(now time.Time) {
		if _, err := g.state.promote(now); err == nil {
			g.world.seen["promoted"]++
		}
		g.state.settle(now)
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
	case "draining process: taken back":
		g.excused = true
	case "draining process: makes room for its replacement", "draining process: makes way for another generation":
		g.ahead++
	}
	if g.world.trace != nil {
		g.world.tell("%s:     %s %v", g.state.app.Name, message, pairs)
	}
}
