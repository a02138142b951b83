package pool

import (
	"errors"
	"fmt"
	"time"
)

// This file is what becomes of processes in the simulated world.

// A fate is what the world knows of a process.
type fate struct {
	proc         *Process // as this front knows it
	began, gone  bool     // its spawn, and it
	booted       bool
	left         bool  // it may be killed at once, by a front that finds it on its way out
	order        Order // what it was spawned for
	aborted      bool
	stops, kills int
	last         State
	beside       bool // it had long-lived connections, or came back: so it did not count as alive
	stopped      time.Time
	stubborn     bool // ignores TERM
	tells        bool // says where it hangs if it is asked
	traces       int
}

type simChild struct{ pid int }

func (c simChild) PID() int        { return c.pid }
func (c simChild) Stop()           {}
func (c simChild) Backtrace() bool { return false }
func (c simChild) Kill()           {}
func (c simChild) Wait() error     { return nil }

var errChild = errors.New("exited with status 1")

func (g *simGroup) claim(n need, surge int) bool { return g.world.slots.claim(g, n, surge) }
func (g *simGroup) wait(n need, promised bool) {
	g.freed = g.world.slots.wait(g, n, promised) || g.freed
	g.begging = g.world.slots.wanting()
}
func (g *simGroup) release() { g.freed = g.world.slots.release(g) || g.freed }
func (g *simGroup) leave()   { g.freed = g.world.slots.leave(g) || g.freed }

// over notes a generation of which nothing lives. Only a rollback leads back to it, or that the older code is lost.
func (g *simGroup) over(n *generation) {
	if g.overs[n] || g.state.works(n) || g.state.count(func(p *Process) bool { return p.generation == n }) > 0 {
		g.fail("generation %d is over twice, or lives", n.number)
	}
	g.overs[n] = true
}

func (g *simGroup) spawn(p *Process) {
	g.acts++
	if n := p.generation; g.overs[n] && n != g.state.good && n != g.state.wanted {
		g.fail("process %d is spawned of generation %d, which is over", p.number, p.generation.number)
	}
	delete(g.overs, p.generation)
	others := g.state.procs
	if p.role == "" {
		g.checkSpawn(p)
	} else {
		g.checkWorker(p)
		others = g.state.role(p.role).procs
	}
	if g.fates[p.number] == nil {
		g.checkIndex(p, others)
	}
	p.gone, p.leaving = make(chan struct{}), make(chan struct{})
	f := &fate{proc: p, order: Order{Generation: p.generation.number, Release: p.generation.release}, stubborn: g.world.chance(10), tells: g.world.chance(50)}
	if old := g.fates[p.number]; old != nil && old.began {
		g.fail("process %d is spawned twice", p.number)
	}
	g.children[p], g.fates[p.number] = f, f
	g.after(effect{p: p, do: func() { g.starts(p, f) }})
}

// starts is what follows when a process has been forked.
func (g *simGroup) starts(p *Process, f *fate) {
	f.began = true
	if p.role != "" {
		g.startsWorker(p, f)
		return
	}
	w := g.world
	kind := f.order.Release.Revision
	switch {
	case kind == "bad", !w.calm && (kind == "flaky" && w.chance(50) || kind == "once" && p.generation.worked() || w.chance(3)):
		g.exit(p, w.between(0, 2*time.Second), "cannot start")
	case kind == "hangs" && !w.calm:
		g.exit(p, 20*time.Second, "hangs in its start")
	default:
		boot := w.between(20*time.Millisecond, 2*time.Second)
		w.after(boot, func() { g.boot(f) })
		if kind == "young" && !w.calm {
			g.exit(p, boot+w.between(0, 3*time.Second), "dies young")
		}
	}
}

func (g *simGroup) boot(f *fate) {
	if f.gone || f.aborted || f.kills > 0 || f.booted {
		return
	}
	p := f.proc
	f.booted = true
	g.world.pids++
	g.event(g.world.name("process %d boots", p.number), func(now time.Time) { g.state.booted(now, p, simChild{g.world.pids}) })
}

// exit has p exit, unless it does before.
func (g *simGroup) exit(p *Process, in time.Duration, why string) {
	f := g.fates[p.number]
	g.world.after(in, func() {
		if f.gone {
			return
		}
		if g.world.held {
			g.exit(p, time.Millisecond, why) // it is told once the front goes on
			return
		}
		f.gone = true
		p := f.proc
		g.excused = p.state == Ready
		g.event(g.world.name("process %d %s", p.number, why), func(now time.Time) { g.state.exited(now, p, errChild) })
		delete(g.children, p)
	})
}

func (g *simGroup) abort(p *Process) {
	g.acts++
	if f := g.children[p]; f.aborted {
		g.world.fail("the spawn of process %d is given up twice", p.number)
	} else {
		f.aborted = true
	}
	if g.world.chance(20) {
		g.world.during(time.Millisecond, func() { g.bootLate(p) })
	}
	g.exit(p, g.world.between(2*time.Millisecond, 300*time.Millisecond), "is gone, given up")
}

// bootLate is a child that was ready when its spawn was given up.
func (g *simGroup) bootLate(p *Process) {
	if f := g.children[p]; f != nil && p.child == nil {
		f.booted = true
		g.world.pids++
		g.event(g.world.name("process %d boots though given up", p.number), func(now time.Time) { g.state.booted(now, p, simChild{g.world.pids}) })
	}
}

func (g *simGroup) stop(p *Process) {
	g.acts++
	f := g.children[p]
	if f.stops++; f.stops > 1 {
		g.world.fail("process %d is stopped twice", p.number)
	}
	if p.child == nil {
		g.world.fail("process %d is stopped that has no child", p.number)
	}
	f.stopped = g.world.now
	g.after(effect{p: p, tells: true, do: func() {
		p.asked.Store(true)
		if !f.stubborn {
			g.exit(p, g.world.between(0, time.Second), "stops")
		}
	}})
}

func (g *simGroup) trace(p *Process) bool {
	f := g.children[p]
	if f.traces++; f.traces > 1 && f.tells {
		g.world.fail("process %d is asked twice where it hangs", p.number)
	}
	if f.tells {
		g.acts++
	}
	return f.tells
}

// transitions are the names of those of a process.
var transitions = func() (names [Gone + 1][Gone + 1]string) {
	for from := range names {
		for to := range names[from] {
			names[from][to] = fmt.Sprintf("process: %v to %v", State(from), State(to))
		}
	}
	return names
}()

// happened counts the transitions.
func (g *simGroup) happened(e Event) {
	g.acts++
	if e.Kind == "restart" {
		g.world.seen["restart step: "+e.What]++
		g.noteTakenBack() // another may follow at once
		if e.What == "begun" {
			g.restarts++
			g.touched, g.quiet = g.world.now, time.Time{}
		}
		if r, ok := g.state.restartOf(e); ok {
			g.checkEnded(r)
		}
		return
	}
	if f := g.fates[e.Process]; f != nil && g.children[f.proc] == f {
		p := f.proc
		if p.state.String() != e.What || p.generation.number != e.Generation {
			g.world.fail("process %d is %v, but is said to be %s", p.number, p.state, e.What)
		}
		if p.role != "" {
			g.world.seen["worker: "+f.last.String()+" to "+p.state.String()]++
		} else if p.state != Spawning {
			g.world.seen[transitions[f.last][p.state]]++
		}
		f.beside = f.beside || p.state == Standby || p.state == Ready && f.last > Ready
		f.last = p.state
	}
}

func (g *simGroup) kill(p *Process) {
	g.acts++
	f := g.children[p]
	if f.kills++; f.kills > 1 {
		g.world.fail("process %d is killed twice", p.number)
	}
	if !g.state.hurried && !f.left && (!p.asked.Load() && f.stops == 0 || g.world.now.Before(f.stopped.Add(g.patienceFor(p)))) {
		g.world.fail("process %d is killed before its time", p.number)
	}
	g.after(effect{p: p, do: func() {
		if !g.world.calm && !g.state.hurried && g.world.chance(10) {
			g.exit(p, g.world.between(0, 20*time.Second), "is gone at last") // the kernel did not let it go
			return
		}
		g.exit(p, g.world.between(0, 20*time.Millisecond), "is killed")
	}})
}
