package pool

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is the moves that workers make, each in one place, and what befalls them.

// moveWorker changes the state of a worker.
func (s *roster) moveWorker(now time.Time, p *Process, to State, why string) {
	if p.state >= to {
		panic("BUG: a worker that is " + p.state.String() + " becomes " + to.String())
	}
	if p.left.IsZero() && to > Ready {
		p.left = now
	}
	s.moves++
	p.state, p.since = to, now
	s.happened(now, p, why)
}

// beginWorker begins a worker.
func (s *roster) beginWorker(now time.Time, r *role, n *generation) {
	s.spawned++
	s.moves++
	p := &Process{number: s.spawned, index: freeIndex(r.procs, n), role: r.Name, generation: n, failures: r.failures, began: now, lastUsed: now, since: now, place: -1}
	r.procs = append(r.procs, p)
	if !slices.Contains(s.unfinished, n) {
		s.unfinished = append(s.unfinished, n)
	}
	s.os.note(hclog.Info, "starting worker", p.pairs("release", n.release.Path)...)
	s.stepWorker(now, "worker-starting", p)
	s.happened(now, p, "")
	s.os.spawn(p)
}

// stopWorker asks a worker to exit.
func (s *roster) stopWorker(now time.Time, r *role, p *Process, why string) {
	s.moveWorker(now, p, Stopping, why)
	p.stopped = now
	s.stepWorker(now, "worker-stopping", p)
	if p.child == nil {
		s.os.note(hclog.Info, "giving up the start of a worker", p.pairs("why", why)...)
		s.os.abort(p)
		return
	}
	s.tellWorker(now, r, p, why)
}

func (s *roster) tellWorker(now time.Time, r *role, p *Process, why string) {
	s.changes++
	p.since = now
	s.os.note(hclog.Info, "stopping worker", p.pairs("why", why, "signal", r.StopSignal, "stop-timeout", r.StopTimeout)...)
	s.os.stop(p)
}

// provenWorker notes that a worker works.
func (s *roster) provenWorker(now time.Time, r *role, p *Process) {
	s.moveWorker(now, p, Ready, "")
	p.readyAt, r.failure = now, nil
	s.os.note(hclog.Info, "worker ready", p.pairs()...)
	s.stepWorker(now, "worker-ready", p)
}

func (s *roster) killWorker(now time.Time, r *role, p *Process) {
	s.changes++
	p.stage, p.since = killed, now
	s.os.note(hclog.Warn, "killing worker", p.pairs("stop-timeout", r.StopTimeout)...)
	s.os.kill(p)
}

// stepWorker notes in the restart that runs what happened to a worker.
func (s *roster) stepWorker(now time.Time, what string, p *Process) {
	if r := s.running(); r != nil {
		s.addStep(r, Step{At: now, What: what, PID: p.pid(), Generation: p.generation.number, Note: p.role})
	}
}

// forgetRoles forgets the roles that are not configured any more, once nothing of them lives.
func (s *roster) forgetRoles() {
	before := len(s.roles)
	s.roles = slices.DeleteFunc(s.roles, func(r *role) bool { return !r.kept && len(r.procs) == 0 })
	s.changes += before - len(s.roles)
}

// workerFailure records why a worker has ended too early.
func (s *roster) workerFailure(now time.Time, r *role, p *Process, err error) *Failure {
	f := s.failure(now, p.generation.number, fmt.Sprintf("worker %s %s", r.Name, s.reason(err)))
	if p.state == Spawning {
		f.Reason += fmt.Sprintf(" within %s of its start", workerProves)
	}
	f.Output = lastLines(p, err)
	return f
}

// workerBegan records that the spawn of a worker has returned: it runs.
func (g *groupState) workerBegan(now time.Time, p *Process, child Child) {
	p.child, p.since = child, now
	g.changes++
	if p.state == Stopping { // given up just as it began
		g.tellWorker(now, g.role(p.role), p, "not wanted any more")
	}
	g.settle(now)
}

// workerExited records that nothing is left of a worker, for whatever reason.
func (g *groupState) workerExited(now time.Time, p *Process, err error) {
	r, was := g.role(p.role), p.state
	r.procs = slices.DeleteFunc(r.procs, func(q *Process) bool { return q == p })
	if was < Stopping {
		g.os.note(hclog.Warn, "worker ended", p.pairs("reason", g.reason(err), "lived", now.Sub(p.began))...)
		g.workerGone(now, r, p, err)
	} else {
		g.os.note(hclog.Info, "worker exited", p.pairs("reason", g.reason(err))...)
	}
	g.moveWorker(now, p, Gone, g.reason(err))
	g.stepWorker(now, "worker-gone", p)
	g.settle(now)
}

// recycleWorker asks a worker to exit that an operator does not want; another takes its place.
func (g *groupState) recycleWorker(now time.Time, p *Process, why string) {
	g.stopWorker(now, g.role(p.role), p, why)
	g.settle(now)
}
