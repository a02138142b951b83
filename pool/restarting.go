package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// This file is what operators ask of a group: restarts, promotions and rollbacks.

// newRestart returns a restart that is not begun yet. If it has a failure, it must not be. What
// supersedes a blocking restart is one as well: there is a reason why old and new code must not serve
// side by side.
func (g *groupState) newRestart(now time.Time, id string, req RestartRequest, running *restart) *restart {
	c := g.plot(now)
	r := &restart{
		id:         id,
		generation: &generation{number: g.wanted.number + 1, release: req.Release, insisted: req.Insist},
		strategy:   req.Strategy,
		asked:      req.Strategy,
		reason:     req.Reason,
		had:        c.servers(),
		total:      c.toReplace(),
		started:    now,
		state:      RestartRunning,
	}
	g.step(now, r, "requested", nil)
	if running != nil {
		r.had, r.total = max(r.had, running.had), max(r.total, running.total)
	}
	if running != nil && running.way().clears() && !r.way().clears() && running.generation == g.target() {
		r.strategy = running.strategy
		g.stepNote(now, r, "blocking", "it supersedes a blocking restart, and so is one itself")
	}
	if g.closed {
		r.failure = g.stopFailure(now, r)
		return r
	}
	if req.Canary != (conf.Amount{}) && r.strategy == Rolling {
		size, err := c.canarySize(req.Canary)
		if err != nil {
			r.failure = g.failure(now, r.generation.number, err.Error())
			return r
		}
		r.canary = size
	}
	g.limit(now, r, req.Memory)
	if r.canary > r.surge && r.failure == nil { // as little memory is left
		if r.canary = r.surge; r.surge == 0 {
			r.failure = g.failure(now, r.generation.number, "not enough memory for a canary beside the old processes; restart without, or free some")
		}
	}
	return r
}

// stopFailure is why a restart fails that is cut short by close.
func (g *groupState) stopFailure(now time.Time, r *restart) *Failure {
	return g.failure(now, r.generation.number, "purser is stopping")
}

// noteGivenUp notes since when boots have been given up for newer restarts, as r's will be now.
func (g *groupState) noteGivenUp(r *restart) {
	if r == nil || r.generation.worked() {
		g.impatient = time.Time{}
		return
	}
	for _, p := range g.procs {
		if p.state == Spawning && p.generation == r.generation && g.impatient.IsZero() {
			g.impatient = p.began
		}
	}
}

// mustBoot reports whether the boot of r that is under way is to take over before anything newer begins.
func (g *groupState) mustBoot(now time.Time, r *restart) bool {
	return r != nil && !r.generation.worked() && g.plot(now).of(r.generation).spawning > 0 &&
		!g.impatient.IsZero() && now.Sub(g.impatient) >= patience
}

// follow has a restart begin once r has ended, in place of any that was to.
func (g *groupState) follow(now time.Time, id string, req RestartRequest, r *restart) *restart {
	g.dropFollowUp(now, RestartSuperseded, nil)
	next := &restart{
		id: id, strategy: req.Strategy, asked: req.Strategy, reason: req.Reason, total: g.plot(now).toReplace(), started: now, state: RestartRunning,
		generation: &generation{number: g.wanted.number + 1, release: req.Release, insisted: req.Insist},
	}
	req.Settle = 0 // it has waited
	g.next = &followUp{req, next}
	g.step(now, next, "requested", nil)
	g.stepNote(now, next, "waiting", "restarts were asked for faster than a process boots; this one follows when the one under way has ended")
	g.os.note(hclog.Info, "restart follows the one under way", "id", id, "after", r.id, "release", req.Release.Path, "reason", req.Reason)
	return next
}

// dropFollowUp ends what was to follow before it has begun.
func (g *groupState) dropFollowUp(now time.Time, state RestartState, why *Failure) {
	if f := g.next; f != nil {
		g.next = nil
		f.record.failure = why
		g.endUnbegun(now, f.record, state)
	}
}

// endCanary lets the canary of a restart go that is superseded: it replaces nothing, and all old processes are
// there.
func (g *groupState) endCanary(now time.Time, r *restart) {
	if !r.waits() {
		return
	}
	for _, p := range g.procs {
		if p.generation != r.generation {
			continue
		}
		if p.replaces = false; p.state == Ready && len(g.lendable.heap) > r.had {
			g.retire(now, g.target(), p, "its canary is superseded")
		}
	}
}

func (g *groupState) newRollback(now time.Time, id, reason string, back, from *generation, had int) *restart {
	r := &restart{id: id, generation: back, from: from, strategy: Rollback, reason: reason,
		had: had, total: max(1, had), started: now, state: RestartRunning}
	g.limit(now, r, Memory{})
	g.record(r)
	g.step(now, r, "requested", nil)
	g.os.note(hclog.Info, "rollback requested", "id", r.id, "from", g.wanted.number, "generation", back.number,
		"release", back.release.Path, "reason", reason)
	return r
}
