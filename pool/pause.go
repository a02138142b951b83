package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is how an operator has an app pause: its requests wait in their queue, as if every process were busy, and
// all else goes on. What had been lent is answered; restarts run, so that code, or a database, can be changed meanwhile.
// The queue stays bounded: what finds it full, or waits for longer than queue_timeout, is refused with ErrPaused.

// Pause has requests wait until Resume. What was lent before is answered. The error says that the group has yielded, or
// is closed.
func (g *Group) Pause() error { return g.setPaused(true) }

// Resume ends a pause: what waits is served, the first first.
func (g *Group) Resume() error { return g.setPaused(false) }

// Paused reports whether there is a pause.
func (g *Group) Paused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.paused
}

func (g *Group) setPaused(paused bool) (err error) {
	g.do(func(s *groupState, now time.Time) { err = s.setPaused(now, paused) })
	g.awaitNoted()
	return err
}

// TurnAway ends the wait of those whom a pause holds, and lets nobody else begin it, with ErrClosed: the app is about to
// be stopped, and nobody will resume it. Where there is no pause it does nothing.
func (g *Group) TurnAway() { g.do((*groupState).turnAway) }

func (g *groupState) setPaused(now time.Time, paused bool) error {
	switch {
	case g.borrows != nil:
		return ErrYielded
	case g.closed:
		return g.refusal()
	case g.paused == paused:
		return nil
	}
	g.paused = paused
	g.changes++
	g.fitLendable()
	what := "app goes on after a pause"
	if paused {
		what = "app pauses, its requests wait"
	}
	g.os.note(hclog.Info, what, "waiting", g.queue.length)
	g.settle(now)
	return nil
}

func (g *groupState) turnAway(now time.Time) {
	if !g.paused {
		return
	}
	g.turnsAway = true
	g.rejectAll(ErrClosed)
	g.settle(now)
}

// fitLendable has a process be lent as many requests at once as it may have now: during a pause none, so that asking for
// one costs no more than ever.
func (g *groupState) fitLendable() {
	concurrency := g.app.Concurrency
	if g.paused {
		concurrency = 0
	}
	g.lendable.setConcurrency(concurrency)
}

// full is with what a request is refused that finds no place to wait, nil if there is one.
func (g *groupState) full() error {
	switch {
	case g.app.MaxQueue <= 0 || g.queue.length < g.app.MaxQueue:
		return nil
	case g.paused:
		return ErrPaused
	}
	return ErrQueueFull
}

// late is with what a request is refused that has waited for too long.
func (g *groupState) late() error {
	if g.paused {
		return ErrPaused
	}
	return ErrQueueTimeout
}

// pressing is how many requests wait for processes to be started. During a pause more processes would not help them.
func (g *groupState) pressing() int {
	if g.paused {
		return 0
	}
	return g.queue.length
}
