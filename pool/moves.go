package pool

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the moves that settle makes, each in one place.

// move changes the state of a process. Ready processes, and no others, are in the heap.
func (g *groupState) move(now time.Time, p *Process, to State, why string) {
	if p.state >= to {
		panic("BUG: a " + p.state.String() + " process becomes " + to.String())
	}
	if p.state == Ready {
		g.lendable.remove(p)
	}
	if p.left.IsZero() && to > Ready {
		p.left = now
	}
	g.moves++
	p.state, p.since = to, now
	p.retired.Store(to > Ready)
	if to == Ready {
		g.lendable.add(p)
	}
	g.happened(now, p, why)
}

// giveUp ends a process that was not put to work.
func (g *groupState) giveUp(now time.Time, p *Process) {
	if p.child != nil {
		g.stop(now, p, "not wanted any more")
		return
	}
	g.move(now, p, Stopping, "not wanted any more")
	g.os.note(hclog.Info, "giving up spawn", p.pairs()...)
	g.os.abort(p)
}

func (g *groupState) drain(now time.Time, p *Process, why string) {
	g.move(now, p, Draining, why)
	g.os.note(hclog.Info, "draining process", p.pairs("why", why, "requests", p.requests, "connections", p.connections)...)
	g.step(now, g.running(), "draining", p)
}

// retire drains a process for another. One of another generation can serve again, should that turn
// out to be the better one.
func (g *groupState) retire(now time.Time, p *Process, why string) {
	p.replaced = p.generation != g.target()
	g.drain(now, p, why)
}

// stop asks a started process to exit.
func (g *groupState) stop(now time.Time, p *Process, why string) {
	g.move(now, p, Stopping, why)
	g.tellToExit(now, p)
}

func (g *groupState) tellToExit(now time.Time, p *Process) {
	p.since = now
	g.os.note(hclog.Info, "stopping process", p.pairs("requests", p.requests, "connections", p.connections)...)
	g.os.stop(p)
}

func (g *groupState) kill(now time.Time, p *Process) {
	p.killed, p.since = true, now
	g.os.note(hclog.Warn, "killing process", p.pairs("stop-timeout", g.app.StopTimeout)...)
	g.os.kill(p)
}

// happened tells what became of p.
func (g *groupState) happened(now time.Time, p *Process, why string) {
	e := Event{At: now, Kind: "process", What: p.state.String(), Process: p.number, PID: p.pid(), Generation: p.generation.number, Why: why}
	if r := g.running(); r != nil {
		e.Restart = r.id
	}
	g.os.happened(e)
}

// answer ends w's wait.
func (g *groupState) answer(w *waiter, p *Process, err error) {
	g.queue.remove(w)
	w.proc, w.err = p, err
	g.os.answer(w)
}

func (g *groupState) reject(err error) {
	for g.queue.length > 0 {
		g.answer(g.queue.first, nil, err)
	}
}

// startFailed follows the exit of a process that never became ready.
func (g *groupState) startFailed(now time.Time, p *Process, err error) {
	n := p.generation
	n.failed(p, g.newFailure(now, p, err))
	n.pauseUntil(now, firstPause, n.failures-1, g.rand)
	g.os.note(hclog.Error, "process failed to start", p.pairs("reason", n.failure.Reason, "error-id", n.failure.ErrorID, "retry-at", n.retryAt)...)
	g.condemn(now, n)
}

// crashed follows the exit of a ready process that nobody asked for. It is replaced at once, unless
// starting anew seems to be no cure. That is so if it died young: before it was used, and within
// 10 s of being ready. The first of a row is replaced at once all the same; after that there is a
// pause of 100 ms if another process of the same generation does work, else of 1 s, doubling up to a
// minute. A row is one process dying young, then the one spawned after it, and so on.
func (g *groupState) crashed(now time.Time, p *Process, err error) {
	n := p.generation
	pairs := p.pairs("reason", g.reason(err), "lived", now.Sub(p.readyAt), "processed", p.processed(), "requests", p.requests, "connections", p.connections)
	if p.matured(now) {
		g.os.note(hclog.Warn, "process crashed", pairs...)
		n.forgive()
		g.countCrash(now, p, err)
		return
	}
	n.failed(p, g.newFailure(now, p, err))
	if n.failures > 1 {
		g.pauseAfterCrash(now, n)
	}
	g.os.note(hclog.Error, "process crashed unused", append(pairs, "error-id", n.failure.ErrorID)...)
	g.condemn(now, n)
}

// countCrash takes a generation back of which too many processes crash while it is taking over: one
// crash is no verdict, but more than two are, or a quarter of all.
func (g *groupState) countCrash(now time.Time, p *Process, err error) {
	n, r := p.generation, g.running()
	if !g.takingOver(n) {
		return
	}
	if n.crashes++; n.crashes < max(maxFailures, r.total/4) || !g.resists(n) {
		return
	}
	why := g.newFailure(now, p, err)
	why.Reason = fmt.Sprintf("%d of its processes crashed while it was taking over; the last %s", n.crashes, why.Reason)
	g.takeBack(now, r, why)
}

func (g *groupState) noteResisting(why *Failure) {
	g.os.note(hclog.Warn, "resisting deployment error", "generation", g.wanted.number, "reason", why.Reason,
		"error-id", why.ErrorID, "serving", g.good.release.Path)
}

func (g *groupState) pauseAfterCrash(now time.Time, n *generation) {
	if slices.ContainsFunc(g.procs, func(p *Process) bool { return p.state == Ready && p.generation == n && p.matured(now) }) {
		n.pauseUntil(now, quickPause, 0, g.rand)
		return
	}
	n.pauseUntil(now, firstPause, n.failures-2, g.rand)
}

// condemn makes the wanted generation a bad one if it fails before it starts at all, or too often.
func (g *groupState) condemn(now time.Time, n *generation) {
	tried := n.worked || g.of(n).booted > 0
	if r := g.running(); r != nil && r.way().returning() && r.generation == n && (!tried || n.failures >= maxFailures) {
		g.rollbackFailed(now, r)
	}
	if n != g.wanted || n == g.good || n.bad || tried && n.failures < maxFailures {
		return
	}
	n.bad = true
	if !n.insisted {
		g.withdrawn = n.number
	}
	if r := g.running(); r != nil {
		r.failure = n.failure
	}
	if !g.resisting() {
		return
	}
	g.noteResisting(n.failure)
	for _, p := range g.procs {
		if p.state == Spawning && p.generation == n {
			g.giveUp(now, p)
		}
	}
}
