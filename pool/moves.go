package pool

import (
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the moves that processes and restarts make, each in one place.

// move changes the state of a process. Ready processes, and no others, are in the heap.
func (s *roster) move(now time.Time, p *Process, to State, why string) {
	if p.state >= to {
		panic("BUG: a " + p.state.String() + " process becomes " + to.String())
	}
	if p.state == Ready {
		s.lendable.remove(p)
	}
	if p.left.IsZero() && to > Ready {
		p.left = now
	}
	if to == Stopping {
		p.stopped = now
	}
	s.moves++
	p.state, p.since = to, now
	p.retired.Store(to > Ready)
	if to == Ready {
		s.lendable.add(p)
	}
	s.happened(now, p, why)
}

// begin begins a process.
func (s *roster) begin(now time.Time, n *generation, replaces bool) {
	s.spawned++
	s.webs++
	s.moves++
	p := &Process{
		number:     s.spawned,
		index:      freeIndex(s.procs, n),
		generation: n,
		replaces:   replaces,
		failures:   n.failures,
		limit:      s.requestLimit(),
		began:      now,
		lastUsed:   now,
		since:      now,
		place:      -1,
	}
	s.procs = append(s.procs, p)
	if !slices.Contains(s.unfinished, n) {
		s.unfinished = append(s.unfinished, n)
	}
	s.os.note(hclog.Info, "spawning process", p.pairs("release", n.release.Path)...)
	s.step(now, s.running(), "spawning", p)
	s.happened(now, p, "")
	s.os.spawn(p)
}

// giveUp ends a process that was not put to work.
func (s *roster) giveUp(now time.Time, p *Process) {
	if p.child != nil {
		s.stop(now, p, "not wanted any more")
		return
	}
	s.move(now, p, Stopping, "not wanted any more")
	s.os.note(hclog.Info, "giving up spawn", p.pairs()...)
	s.os.abort(p)
}

func (s *roster) drain(now time.Time, p *Process, why string) {
	s.move(now, p, Draining, why)
	s.os.note(hclog.Info, "draining process", p.pairs("why", why, "requests", p.requests, "connections", p.connections)...)
	s.step(now, s.running(), "draining", p)
}

// retire drains a process for another. One of another generation than the target can serve again, should that
// turn out to be the better one.
func (s *roster) retire(now time.Time, target *generation, p *Process, why string) {
	p.replaced = p.generation != target
	s.drain(now, p, why)
}

// revive puts a process back to work that was let go. It is the one step back in a process's life.
func (s *roster) revive(now time.Time, p *Process, replaces bool) {
	s.moves++
	p.replaced, p.replaces = false, replaces
	p.left = time.Time{}
	p.retired.Store(false)
	p.state, p.since, p.lastUsed = Ready, now, now
	s.lendable.add(p)
	p.generation.booted()
	s.os.note(hclog.Info, "process serves again", p.pairs()...)
	s.step(now, s.running(), "ready", p)
	s.happened(now, p, "its code is wanted again")
}

// standBy keeps a drained process for a rollback.
func (s *roster) standBy(now time.Time, p *Process) {
	s.move(now, p, Standby, "kept for a rollback")
	s.os.note(hclog.Info, "keeping process for a rollback", p.pairs()...)
}

// dropStandby ends one process that is kept for a rollback, and reports whether there was one.
func (s *roster) dropStandby(now time.Time, why string) bool {
	p := s.kept()
	if p != nil {
		s.stop(now, p, why)
	}
	return p != nil
}

// stop asks a started process to exit.
func (s *roster) stop(now time.Time, p *Process, why string) {
	s.move(now, p, Stopping, why)
	s.tellToExit(now, p)
}

func (s *roster) tellToExit(now time.Time, p *Process) {
	s.changes++
	p.since = now
	s.os.note(hclog.Info, "stopping process", p.pairs("requests", p.requests, "connections", p.connections)...)
	s.os.stop(p)
	for _, d := range s.debts {
		d.leaves(p)
	}
}

// trace asks a process that does not exit where it hangs. It reports false if it cannot be asked.
func (s *roster) trace(now time.Time, p *Process) bool {
	if p.stage >= traced || !s.os.trace(p) {
		return false
	}
	s.changes++
	p.stage, p.since = traced, now
	s.os.note(hclog.Warn, "asking process where it hangs", p.pairs("stop-timeout", s.app.StopTimeout)...)
	return true
}

func (s *roster) kill(now time.Time, p *Process) {
	s.changes++
	p.stage, p.since = killed, now
	s.os.note(hclog.Warn, "killing process", p.pairs("stop-timeout", s.app.StopTimeout)...)
	s.os.kill(p)
}

// end ends r, once.
func (s *roster) end(now time.Time, r *restart, state RestartState) {
	if r.state != RestartRunning {
		panic("BUG: restart " + r.id + " ends twice")
	}
	s.moves++
	r.replaced = s.replaced(r)
	r.state, r.ended = state, now
	s.step(now, r, string(state), nil)
	pairs := []any{"id", r.id, "generation", r.generation.number, "took", now.Sub(r.started)}
	if r.failure != nil {
		pairs = append(pairs, "reason", r.failure.Reason, "error-id", r.failure.ErrorID)
	}
	s.os.note(levelOf(state), "restart "+string(state), pairs...)
}

// endRecovered has r end well that had failed, as its code did not start, if that was tried again and has taken
// over by now.
func (s *roster) endRecovered(now time.Time, r *restart) {
	if r == nil || !r.recovers {
		return
	}
	s.moves++
	r.state, r.failure, r.recovers = RestartRunning, nil, false
	r.replaced = s.replaced(r)
	r.state, r.ended = RestartDone, now
	s.step(now, r, string(RestartDone), nil)
	s.os.note(hclog.Info, "restart done after all", "id", r.id, "generation", r.generation.number, "took", now.Sub(r.started))
}

// endUnbegun ends a restart that never began, or was refused. What runs goes on.
func (s *roster) endUnbegun(now time.Time, r *restart, state RestartState) {
	running := s.running()
	s.record(r)
	s.end(now, r, state)
	s.putLast(running)
}

func levelOf(state RestartState) hclog.Level {
	if state == RestartFailed {
		return hclog.Error
	}
	return hclog.Info
}

// replaced is how many processes of r's generation are ready, of as many as there are to replace.
func (s *roster) replaced(r *restart) (n int) {
	if r.state != RestartRunning {
		return r.replaced
	}
	for _, p := range s.lendable.heap {
		if p.generation == r.generation {
			n++
		}
	}
	return min(r.total, n)
}
