package pool

import (
	"errors"
	"slices"
	"time"
)

// This file is what has to hold whenever a group acts: spawns, lends, answers, or ends a restart.

// checkSpawn: I6, code that is not known to work is spawned only to replace, or to see if it works.
func (g *simGroup) checkSpawn(p *Process) {
	s, n := g.state, p.generation
	r := s.running()
	cannotGoBack := r != nil && (r.strategy == Blocking || r.strategy == BlueGreen && n == r.generation || r.canary > 0 && n.worked()) || s.good != nil && s.overwritten(s.good)
	if s.overwritten(n) {
		g.fail("I1: process %d is spawned for generation %d, but its folder holds newer code", p.number, n.number)
	}
	if r != nil && r.strategy == Blocking && r.generation == n && s.count(func(q *Process) bool { return q.generation != n && !q.lost(g.world.now) }) > 0 {
		g.fail("process %d is spawned while old processes live, though that is to be blocked", p.number)
	}
	unproven := n != s.good && s.good != nil && s.ready(n) == 0
	if unproven && !cannotGoBack && !p.replaces && s.spawning(n) > 1 && (s.app.Restart.ResistDeploymentErrors || !n.bad()) {
		g.fail("I6: process %d is spawned of generation %d, which is unproven", p.number, n.number)
	}
	c := s.plot(g.world.now)
	if there := c.serving() - c.beside; !p.replaces && there > s.app.MaxProcesses && (n != s.wanted || s.ready(n)+s.spawning(n) > 1) {
		g.fail("I9: process %d is spawned, the %dth that serves or will", p.number, there)
	}
	if s.closed {
		g.fail("process %d is spawned after close", p.number)
	}
}

// checkLent: I1, I4, I11 and I15.
func (g *simGroup) checkLent(p *Process, who int, wish Wish) {
	s, seen := g.state, wish.Pin
	g.checkAvoided(p, wish)
	if p.generation.number < seen && seen > g.takenBack {
		g.fail("I15: a visitor who saw generation %d is served by %d", seen, p.generation.number)
	}
	if who != nobody {
		g.people[who] = max(g.people[who], p.generation.number)
	}
	r := s.lastRestart()
	old := func(q *Process) bool {
		return q.state == Draining && q.generation.number < p.generation.number && q.requests > 0
	}
	if r != nil && r.strategy == BlueGreen && p.generation == r.generation && g.world.now.Before(r.switched.Add(s.app.Restart.SwitchTimeout)) && s.count(old) > 0 && r.state == RestartRunning {
		g.fail("a new process is lent while old ones still answer")
	}
	switch {
	case s.paused:
		g.fail("process %d is lent in a pause", p.number)
	case p.state != Ready:
		g.fail("I11: process %d is lent, it is %v", p.number, p.state)
	case p.generation.number < g.done:
		g.fail("I4: process %d of generation %d is lent, though %d was done", p.number, p.generation.number, g.done)
	case g.state.app.Concurrency > 0 && p.requests+p.places > g.state.app.Concurrency:
		g.fail("process %d is lent %d times at once", p.number, p.requests)
	}
}

// checkAvoided: a visitor whom a process has failed is lent that one, or another of its generation, only
// if nothing better has room.
func (g *simGroup) checkAvoided(p *Process, wish Wish) {
	bad := wish.Avoid
	switch {
	case bad == nil:
		return
	case p.generation != bad.generation:
		g.world.seen["visitor served by another generation"]++
		return
	}
	g.world.seen["visitor served by a generation to avoid"]++
	for _, q := range g.state.lendable.heap {
		switch {
		case q == p || q == bad || !g.state.lendable.room(q) || q.generation.number < g.state.pinned(wish.Pin):
		case p == bad:
			g.fail("a visitor is sent back to process %d, though %d has room", p.number, q.number)
		case q.generation != bad.generation && q.doubted.IsZero():
			g.fail("a visitor to avoid process %d is sent to %d, though %d of another generation has room", bad.number, p.number, q.number)
		}
	}
}

// checkAnswer: I10 beside the counting, the order of the queue, and that errors are true.
func (g *simGroup) checkAnswer(v *visitor) {
	s := g.state
	if v.proc != nil {
		g.checkLent(v.proc, v.who, v.wish)
		if v.wish.Pin == 0 {
			if v.ticket < g.lastServed {
				g.fail("visitor %d is served after %d", v.ticket, g.lastServed)
			}
			g.lastServed = v.ticket
		}
		g.world.seen["visitor served"]++
		return
	}
	start, failed := errors.AsType[*StartError](v.err)
	if failed {
		g.world.seen["visitor refused: *pool.StartError"]++
	} else {
		g.world.seen["visitor refused: *errors.errorString"]++
	}
	switch {
	case errors.Is(v.err, ErrClosed) && s.closed && !s.stopped:
	case errors.Is(v.err, ErrStopped) && s.closed && s.stopped:
	case errors.Is(v.err, ErrQueueTimeout) && g.world.now.Equal(v.deadline) && !s.paused:
	case errors.Is(v.err, ErrPaused) && g.world.now.Equal(v.deadline) && s.paused:
		g.world.seen["visitor refused as the app is paused"]++
	case failed && s.count(isReady)+s.count(isSpawning) == 0 && len(start.Failure.ErrorID) == 8:
	default:
		g.fail("visitor %d is answered %v", v.ticket, v.err)
	}
}

// checkEnded: I4, what a restart says of itself when it ends.
func (g *simGroup) checkEnded(r RestartSnapshot) {
	s := g.state
	if n := len(r.Steps); n > 1 && r.Steps[n-2].What == "rolled-back" {
		g.world.seen["rolled back"]++
	}
	switch r.State {
	case RestartRunning:
		g.fail("a restart ends running")
	case RestartFailed:
		if r.Failure == nil {
			g.fail("a restart failed, nobody knows why")
		}
		g.noteFailedRestart(r)
	case RestartDone:
		g.done = r.Generation
		g.marks = slices.DeleteFunc(g.marks, func(at time.Time) bool { return !at.After(r.Started) })
		if ready := s.ready(s.target()); r.Generation != s.target().number || ready < max(1, s.app.MinProcesses) && !(ready > 0 && s.overwritten(s.target())) {
			g.fail("I4: the restart to %d is done with %d ready, %d is wanted", r.Generation, ready, s.target().number)
		}
		g.checkNoOldWorker(r)
		for _, p := range s.procs {
			if p.generation.number != r.Generation && p.state != Standby && !p.lost(g.world.now) && !(p.state == Draining && p.requests == 0) {
				g.fail("I4: the restart is done, but process %d of generation %d is %v", p.number, p.generation.number, p.state)
			}
		}
	}
}
