package pool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the visitors of the simulated world, and its operators.

// A visitor is one request that had to queue.
type visitor struct {
	waiter
	ticket  int
	answers int
	took    bool // what it was answered
	left    bool
}

// visit is a request, as Group.Acquire plays it.
func (g *simGroup) visit() {
	w := g.world
	if g.isServed() {
		return
	}
	v := g.newVisitor()
	full := g.state.queueFull()
	g.event(fmt.Sprintf("visitor %d queues", v.ticket), func(now time.Time) {
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

// isServed is a request that need not queue.
func (g *simGroup) isServed() bool {
	p := g.state.lend()
	if p == nil {
		return false
	}
	g.world.what = g.state.app.Name + ": lends"
	g.world.tell("%s process %d", g.world.what, p.number)
	g.checkLent(p)
	g.children[p].load++
	g.serve(p)
	return true
}

func (g *simGroup) newVisitor() *visitor {
	g.tickets++
	v := &visitor{ticket: g.tickets}
	g.visitors[&v.waiter] = v
	return v
}

// answer is a visitor being told; he takes it a moment later, or has left meanwhile.
func (g *simGroup) answer(waiting *waiter) {
	g.acts++
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
		w.after(10*time.Millisecond, func() { g.ends(p, "request ends", g.state.giveBack) })
	case w.chance(6):
		w.after(w.between(0, 100*time.Millisecond), func() { g.holds(p) })
	case w.chance(3):
		w.after(w.between(5*time.Second, 20*time.Second), func() { g.ends(p, "request ends late", g.state.giveBack) })
	default:
		w.after(w.between(time.Millisecond, 600*time.Millisecond), func() { g.ends(p, "request ends", g.state.giveBack) })
	}
}

func (g *simGroup) holds(p *Process) {
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
	switch n := w.rand.IntN(11); {
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
	req := RestartRequest{Release: Release{Path: g.invent(35)}, Strategy: "rolling"}
	if w.chance(50) {
		req.Settle = w.between(50*time.Millisecond, 2*time.Second)
	}
	last := g.state.lastRestart()
	joins := g.state.running() != nil && req.Settle > 0 && w.now.Before(g.quiet)
	g.event(fmt.Sprintf("restart with %s, settle %v", req.Release.Path, req.Settle), func(now time.Time) {
		if !joins && !g.state.closed {
			g.touched, g.quiet = now, time.Time{}
			g.restarts++
		}
		if req.Settle > 0 {
			g.quiet = now.Add(min(req.Settle, g.touched.Add(10*time.Second).Sub(now)))
		}
		r := g.state.restart(now, fmt.Sprint(w.rand.Uint32()), req)
		if joins != (r == last) {
			g.fail("whether the restart joins the last should be %v", joins)
		}
		if joins {
			w.seen["restart joined"]++
		}
	})
}

func (g *simGroup) moved() { g.acts++ }

func (g *simGroup) ended(r RestartSnapshot) {
	g.acts++
	g.checkEnded(r)
}

func (g *simGroup) note(_ hclog.Level, message string, pairs ...any) {
	g.acts++
	if why := slices.Index(pairs, any("why")); why >= 0 {
		message += ": " + pairs[why+1].(string)
	}
	g.world.seen[message]++
	switch message {
	case "process ready":
		g.began++
	case "draining process: replaced by another generation", "draining process: max_requests reached":
		g.retired++
	case "draining process: idle", "draining process: another app needs room", "draining process: above max_processes",
		"draining process: makes room for its replacement":
		g.leftOut++
	}
	if g.world.trace != nil {
		g.world.tell("%s:     %s %v", g.state.app.Name, message, pairs)
	}
}
