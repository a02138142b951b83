package pool

import "time"

// This file is what a restart says of itself as it goes on.

// step notes what happened to p, or to r itself if p is nil.
func (s *roster) step(now time.Time, r *restart, what string, p *Process) {
	if r == nil {
		return
	}
	t := Step{At: now, What: what, Generation: r.generation.number}
	if p != nil {
		t.PID, t.Generation = p.pid(), p.generation.number
	}
	s.addStep(r, t)
	if p == nil {
		s.tellStep(r, t)
	}
}

// stepNote notes something about r that takes words.
func (s *roster) stepNote(now time.Time, r *restart, what, note string) {
	if r == nil {
		return
	}
	t := Step{At: now, What: what, Generation: r.generation.number, Note: note}
	s.addStep(r, t)
	s.tellStep(r, t)
}

func (s *roster) addStep(r *restart, t Step) {
	if len(r.steps) < keptSteps || r.state != RestartRunning {
		r.steps = append(r.steps, t)
	}
	s.changes++
	s.os.moved()
}

func (s *roster) tellStep(r *restart, t Step) {
	e := Event{At: t.At, Kind: "restart", What: t.What, Generation: t.Generation, Restart: r.id, Why: t.Note}
	if r.failure != nil && r.state == RestartFailed {
		e.Why = r.failure.Reason
	}
	s.os.happened(e)
}

// happened tells what became of p.
func (s *roster) happened(now time.Time, p *Process, why string) {
	e := Event{At: now, Kind: "process", What: p.state.String(), Process: p.number, PID: p.pid(), Generation: p.generation.number, Why: why,
		OutOfMemory: p.state == Gone && p.outOfMemory, Crashed: p.state == Gone && p.crashed}
	if p.role != "" {
		e.Kind, e.Worker = "worker", p.role
	}
	if r := s.running(); r != nil {
		e.Restart = r.id
	}
	s.os.happened(e)
}
