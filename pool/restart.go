package pool

import (
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// A RestartRequest asks for a restart.
type RestartRequest struct {
	Release  Release // resolved once, at the trigger
	Strategy string  // "rolling"
	Reason   string  // for people

	// Settle is for triggers that come in bursts, like touches of restart.txt. If it is above 0 the
	// first spawn begins at once, but nothing of the new generation is put to work for that long,
	// and a further request with Settle meanwhile joins this restart: same id and generation, its own
	// release, the wait begins anew. A burst of requests holds a restart back for 10 s in all.
	Settle time.Duration
}

const (
	keptRestarts = 20               // per group
	longestWait  = 10 * time.Second // that Settle can hold a restart back in all
)

// A restart is the record of one restart. What it is to do is not here: the group's wanted generation
// says that, and the rest follows from what lives.
type restart struct {
	id         string
	generation *generation
	strategy   string
	reason     string
	total      int
	started    time.Time
	quietAt    time.Time // nothing of the generation is put to work before; zero = at once

	state    RestartState
	ended    time.Time
	replaced int // when it ended
	steps    []Step
	failure  *Failure
}

// joinable reports whether a further request may become part of r: as long as its generation is held
// back, so that nobody has seen it.
func (r *restart) joinable(now time.Time, req RestartRequest) bool {
	return r.state == RestartRunning && req.Settle > 0 && now.Before(r.quietAt)
}

// hold keeps the generation back until the requests have been quiet for a while.
func (r *restart) hold(now time.Time, settle time.Duration) {
	if settle <= 0 {
		return
	}
	r.quietAt = now.Add(settle)
	if last := r.started.Add(longestWait); r.quietAt.After(last) {
		r.quietAt = last
	}
}

// running returns the restart that has not ended, or nil.
func (g *groupState) running() *restart {
	if r := g.lastRestart(); r != nil && r.state == RestartRunning {
		return r
	}
	return nil
}

func (g *groupState) lastRestart() *restart {
	if len(g.restarts) == 0 {
		return nil
	}
	return g.restarts[len(g.restarts)-1]
}

// record appends r to the restarts that are remembered.
func (g *groupState) record(r *restart) {
	if len(g.restarts) == keptRestarts {
		g.restarts = slices.Delete(g.restarts, 0, 1)
	}
	g.restarts = append(g.restarts, r)
}

// newRestart makes a new generation the wanted one.
func (g *groupState) newRestart(now time.Time, id string, req RestartRequest) *restart {
	g.wanted = &generation{number: g.wanted.number + 1, release: req.Release}
	r := &restart{
		id:         id,
		generation: g.wanted,
		strategy:   req.Strategy,
		reason:     req.Reason,
		total:      g.toReplace(),
		started:    now,
		state:      RestartRunning,
	}
	g.record(r)
	g.step(now, r, "requested", nil)
	return r
}

// step notes what happened to p, or to r itself if p is nil.
func (g *groupState) step(now time.Time, r *restart, what string, p *Process) {
	if r == nil {
		return
	}
	s := Step{At: now, What: what, Generation: r.generation.number}
	if p != nil {
		s.PID, s.Generation = p.pid(), p.generation.number
	}
	r.steps = append(r.steps, s)
	g.os.moved()
}

// end ends r, once.
func (g *groupState) end(now time.Time, r *restart, state RestartState) {
	if r.state != RestartRunning {
		panic("BUG: restart " + r.id + " ends twice")
	}
	g.moves++
	r.replaced = g.replaced(r)
	r.state, r.ended = state, now
	g.step(now, r, string(state), nil)
	pairs := []any{"id", r.id, "generation", r.generation.number, "took", now.Sub(r.started)}
	if r.failure != nil {
		pairs = append(pairs, "reason", r.failure.Reason, "error-id", r.failure.ErrorID)
	}
	g.os.note(levelOf(state), "restart "+string(state), pairs...)
	g.os.ended(g.restartSnapshot(r))
}

// replaced is how many processes of r's generation are ready, of as many as there are to replace.
func (g *groupState) replaced(r *restart) int {
	if r.state != RestartRunning {
		return r.replaced
	}
	return min(r.total, g.ready(r.generation))
}

// refuseRestart records a restart that comes after close.
func (g *groupState) refuseRestart(now time.Time, id string, req RestartRequest) *restart {
	r := &restart{
		id:         id,
		generation: &generation{number: g.wanted.number, release: req.Release},
		strategy:   req.Strategy,
		reason:     req.Reason,
		started:    now,
		state:      RestartRunning,
	}
	g.record(r)
	g.step(now, r, "requested", nil)
	r.failure = g.stopFailure(now, r)
	g.end(now, r, RestartFailed)
	return r
}

// stopFailure is why a restart fails that is cut short by close.
func (g *groupState) stopFailure(now time.Time, r *restart) *Failure {
	return &Failure{At: now, Generation: r.generation.number, Reason: "purser is stopping", ErrorID: g.errorID()}
}

func levelOf(state RestartState) hclog.Level {
	if state == RestartFailed {
		return hclog.Error
	}
	return hclog.Info
}
