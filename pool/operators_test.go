package pool

import (
	"fmt"
	"time"

	"purser/conf"
)

// This file is what goes wrong in the simulated world, and what its operators do.

// configure changes numbers of the app. What all groups are kept fits under the cap as before.
func (g *simGroup) configure() {
	w, app := g.world, g.state.app
	if w.calm {
		return // nothing is changed any more, but for what the last visitors need
	}
	app.MinProcesses = w.rand.IntN(g.mostMin + 1)
	app.MaxProcesses = max(1, app.MinProcesses) + w.rand.IntN(3)
	if app.Concurrency != conf.Unlimited {
		app.Concurrency = 1 + w.rand.IntN(3)
	}
	app.QueueTimeout = time.Duration(w.rand.IntN(2)) * w.between(time.Second, 9*time.Second)
	app.IdleTimeout = time.Duration(w.rand.IntN(3)) * 4 * time.Second
	app.Restart.ResistDeploymentErrors = w.chance(80)
	g.changeWorkers(&app)
	g.most = max(g.most, app.MaxProcesses)
	if len(g.ways) > 1 {
		g.mostSurge = max(g.mostSurge, g.most)
	}
	w.slots.reserve(g, app.MinProcesses)
	w.owes = w.owed() // who has more than his min gives it up by and by
	g.excused = true
	g.event(g.world.name("configured: min %d max %d concurrency %d", app.MinProcesses, app.MaxProcesses, app.Concurrency), func(now time.Time) {
		g.state.configure(now, app, g.config)
		g.freed = true // less may be kept for it
	})
}

// mischief is one thing that goes wrong, or that an operator does.
func (g *simGroup) mischief() {
	w := g.world
	if w.held {
		return
	}
	switch n := w.rand.IntN(19); {
	case n < 4:
		if p := g.anyReady(); p != nil {
			g.exit(p, 0, "crashes")
		}
	case n < 5:
		if p := g.anyReady(); p != nil {
			g.play(g.world.name("process %d is doubted", p.number), func(now time.Time) { g.state.doubt(now, p) })
		}
	case n < 6:
		if p := g.anyReady(); p != nil {
			g.excused = true
			refuses := w.rand.IntN(2) == 0
			g.event(g.world.name("process %d is recycled, refuses: %v", p.number, refuses), func(now time.Time) { g.state.replace(now, p, "it hangs", refuses) })
		}
	case n < 7:
		if p := g.anyReady(); p != nil {
			g.excused = true
			g.event(g.world.name("process %d is detached", p.number), func(now time.Time) { g.state.recycle(now, g.state.readyAs(p.pid()), "detached by an operator") })
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
	case n == 18:
		g.pauses()
	case n == 17:
		g.troubleWorkers()
	case n == 16:
		w.after(w.between(0, 3*time.Second), g.configure)
	case n < 13 && w.chance(60): // faster than a process boots
		for i := range 50 {
			w.after(time.Duration(i)*300*time.Millisecond, g.restart)
		}
	default:
		for range 1 + w.rand.IntN(1+w.rand.IntN(4)) { // a storm, sometimes
			w.after(w.between(0, time.Second), g.restart)
		}
	}
}

// pauses is a pause, which ends after a while.
func (g *simGroup) pauses() {
	w := g.world
	g.setPaused(true)
	w.after(w.between(0, 12*time.Second), func() { g.setPaused(false) })
}

func (g *simGroup) setPaused(paused bool) {
	if g.state.closed || g.state.paused == paused { // which settles nothing
		return
	}
	g.event(g.world.name("paused: %v", paused), func(now time.Time) {
		if err := g.state.setPaused(now, paused); err != nil {
			g.fail("cannot pause: %v", err)
		}
	})
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
	if g.inPlace && w.chance(40) {
		g.edit(g.state.app)
		req.SameCode = true
		w.seen["restart with another configuration"]++
	}
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
	req.Config = g.config
	last := g.state.lastRestart()
	joins := g.state.running() != nil && req.Settle > 0 && w.now.Before(g.quiet) && last.asked == req.Strategy
	g.excused = true // what was let go ahead of one restart may be missing in the next
	g.event(g.world.name("%s restart with %s, settle %v, canary %d, memory %v", req.Strategy, req.Release.Path, req.Settle, req.Canary.Count, req.Memory), func(now time.Time) {
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
		case g.state.next != nil && g.state.next.record == r:
			g.touched, g.quiet = touched, quiet
			w.seen["restart follows another"]++
			if w.chance(60) {
				w.after(w.between(0, 100*time.Millisecond), w.killAnyTime)
			}
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
		if !g.state.wanted.rejected() && r.state == RestartRunning {
			g.fail("a generation that was rolled back is still wanted")
		}
	})
}

func (g *simGroup) promote() {
	g.event("is promoted", func(now time.Time) {
		g.promoted = g.state.plot(g.world.now).beside
		if _, err := g.state.promote(now); err == nil {
			g.world.seen["promoted"]++
		}
		g.state.settle(now)
	})
}
