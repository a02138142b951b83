package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// This file is how a restart is made, and what happens to one that is not to run, or not any more.

// newRestart returns a restart that is not begun yet. If it has a failure, it must not be. What
// supersedes a blocking restart is one as well: there is a reason why old and new code must not serve
// side by side.
func (s *roster) newRestart(c *course, id string, req RestartRequest, running *restart) *restart {
	r := c.newRecord(id, req)
	s.step(c.now, r, "requested", nil)
	if running != nil {
		r.had, r.total = max(r.had, running.had), max(r.total, running.total)
	}
	if running != nil && running.way().clears() && !r.way().clears() && running.generation == c.target() {
		r.strategy = running.strategy
		s.stepNote(c.now, r, "blocking", "it supersedes a blocking restart, and so is one itself")
	}
	if c.closed {
		r.failure = s.stopFailure(c.now, r)
		return r
	}
	s.sizeCanary(c, r, req.Canary)
	if r.failure == nil {
		s.limit(c.now, r, req.Memory)
	}
	if r.canary > r.surge && r.failure == nil { // as little memory is left
		if r.canary = r.surge; r.surge == 0 {
			r.failure = s.failure(c.now, r.generation.number, "not enough memory for a canary beside the old processes; restart without a canary, or free some memory")
		}
	}
	return r
}

// newRecord is the record of a restart as it was asked for.
func (c *course) newRecord(id string, req RestartRequest) *restart {
	return &restart{
		id:         id,
		generation: c.following(req),
		strategy:   req.Strategy,
		asked:      req.Strategy,
		reason:     req.Reason,
		by:         req.By,
		served:     c.good,
		had:        c.servers(),
		total:      c.toReplace(),
		started:    c.now,
		state:      RestartRunning,
	}
}

// following is the generation of a restart that is asked for.
func (l *generations) following(req RestartRequest) *generation {
	n := &generation{number: l.wanted.number + 1, release: req.Release, insisted: req.Insist, config: req.Config}
	if req.SameCode && l.wanted.release.Path == req.Release.Path {
		n.code = l.wanted.source()
	}
	return n
}

// sizeCanary sets how many processes r is to stop at, or fails it.
func (s *roster) sizeCanary(c *course, r *restart, asked conf.Amount) {
	if asked == (conf.Amount{}) || r.asked != Rolling {
		return
	}
	size, err := c.canarySize(asked)
	if err != nil {
		r.failure = s.failure(c.now, r.generation.number, err.Error())
		return
	}
	r.canary = size
}

// newRollback makes a rollback to a generation the restart that runs.
func (s *roster) newRollback(c *course, id, reason string, back, from *generation, had int) *restart {
	r := &restart{id: id, generation: back, from: from, strategy: Rollback, reason: reason,
		had: had, total: max(1, had), started: c.now, state: RestartRunning}
	s.limit(c.now, r, Memory{})
	s.record(r)
	s.step(c.now, r, "requested", nil)
	s.os.note(hclog.Info, "rollback requested", "id", r.id, "from", c.wanted.number, "generation", back.number,
		"release", back.release.Path, "reason", reason)
	return r
}

// stopFailure is why a restart fails that is cut short by close.
func (s *roster) stopFailure(now time.Time, r *restart) *Failure {
	return s.failure(now, r.generation.number, s.ending())
}

// noteGivenUp notes since when boots have been given up for newer restarts, as r's will be now.
func (s *roster) noteGivenUp(r *restart) {
	if r == nil || r.generation.worked() {
		s.impatient = time.Time{}
		return
	}
	for _, p := range s.procs {
		if p.state == Spawning && p.generation == r.generation && s.impatient.IsZero() {
			s.impatient = p.began
		}
	}
}

// mustBoot reports whether the boot of r that is under way is to take over before anything newer begins.
func (s *roster) mustBoot(c *course, r *restart) bool {
	return r != nil && !r.generation.worked() && c.of(r.generation).spawning > 0 &&
		!s.impatient.IsZero() && c.now.Sub(s.impatient) >= patience
}

// follow has a restart begin once r has ended, in place of any that was to.
func (s *roster) follow(c *course, id string, req RestartRequest, r *restart) *restart {
	s.dropFollowUp(c.now, RestartSuperseded, nil)
	next := c.newRecord(id, req)
	req.Settle = 0 // it has waited
	s.next = &followUp{req, next}
	s.step(c.now, next, "requested", nil)
	s.stepNote(c.now, next, "waiting", "restarts were asked for faster than a process boots; this one follows when the one under way has ended")
	s.os.note(hclog.Info, "restart follows the one under way", "id", id, "after", r.id, "release", req.Release.Path, "reason", req.Reason)
	return next
}

// dropFollowUp ends what was to follow before it has begun.
func (s *roster) dropFollowUp(now time.Time, state RestartState, why *Failure) {
	if f := s.next; f != nil {
		s.next = nil
		f.record.failure = why
		s.endUnbegun(now, f.record, state)
	}
}

// endCanary lets the canary of a restart go that is superseded: it replaces nothing, and all old processes are
// there.
func (s *roster) endCanary(now time.Time, target *generation, r *restart) {
	if !r.waits() {
		return
	}
	for _, p := range s.procs {
		if p.generation != r.generation {
			continue
		}
		if p.replaces = false; p.state == Ready && len(s.lendable.heap) > r.had {
			s.retire(now, target, p, "its canary is superseded")
		}
	}
}
