package pool

import "time"

// This file is what a restart says of itself as it goes on.

// step notes what happened to p, or to r itself if p is nil.
func (g *groupState) step(now time.Time, r *restart, what string, p *Process) {
	if r == nil {
		return
	}
	s := Step{At: now, What: what, Generation: r.generation.number}
	if p != nil {
		s.PID, s.Generation = p.pid(), p.generation.number
	}
	g.addStep(r, s)
	if p == nil {
		g.tellStep(r, s)
	}
}

// stepNote notes something about r that takes words.
func (g *groupState) stepNote(now time.Time, r *restart, what, note string) {
	s := Step{At: now, What: what, Generation: r.generation.number, Note: note}
	g.addStep(r, s)
	g.tellStep(r, s)
}

func (g *groupState) addStep(r *restart, s Step) {
	if len(r.steps) < keptSteps || r.state != RestartRunning {
		r.steps = append(r.steps, s)
	}
	g.os.moved()
}

func (g *groupState) tellStep(r *restart, s Step) {
	e := Event{At: s.At, Kind: "restart", What: s.What, Generation: s.Generation, Restart: r.id, Why: s.Note}
	if r.failure != nil && r.state == RestartFailed {
		e.Why = r.failure.Reason
	}
	g.os.happened(e)
}
