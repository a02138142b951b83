package pool

import (
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Restarts that are asked for faster than a process boots would each give up the boot of the one before, and
// none would ever serve. So after a while the boot that is under way is given up no more: it takes over, and
// the newest that was asked for meanwhile follows.

// patience is how long boots are given up for newer ones, from the first of them on.
const patience = 10 * time.Second

// A followUp is a restart that begins once the one that runs has ended.
type followUp struct {
	request RestartRequest
	record  *restart
}

// noteGivenUp notes since when boots have been given up for newer restarts, as r's will be now.
func (g *groupState) noteGivenUp(r *restart) {
	if r == nil || r.generation.worked {
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
	return r != nil && !r.generation.worked && g.of(r.generation).spawning > 0 &&
		!g.impatient.IsZero() && now.Sub(g.impatient) >= patience
}

// follow has a restart begin once r has ended, in place of any that was to.
func (g *groupState) follow(now time.Time, id string, req RestartRequest, r *restart) *restart {
	g.dropFollowUp(now, RestartSuperseded, nil)
	next := &restart{
		id: id, strategy: req.Strategy, asked: req.Strategy, reason: req.Reason, total: g.toReplace(), started: now, state: RestartRunning,
		generation: &generation{number: g.wanted.number + 1, release: req.Release, insisted: req.Insist},
	}
	req.Settle = 0 // it has waited
	g.next = &followUp{req, next}
	g.step(now, next, "requested", nil)
	g.stepNote(now, next, "waiting", "restarts were asked for faster than a process boots; this one follows when the one under way has ended")
	g.os.note(hclog.Info, "restart follows the one under way", "id", id, "after", r.id, "release", req.Release.Path, "reason", req.Reason)
	return next
}

// find returns the restart with that id, or nil.
func (g *groupState) find(id string) *restart {
	for _, r := range g.restarts {
		if r.id == id {
			return r
		}
	}
	if f := g.next; f != nil && f.record.id == id {
		return f.record
	}
	return nil
}

// beginFollowUp begins what was to follow, once nothing else runs.
func (g *groupState) beginFollowUp(now time.Time) {
	f := g.next
	if f == nil || g.running() != nil {
		return
	}
	g.next = nil
	r := g.newRestart(now, f.record.id, f.request, nil)
	r.started, r.steps = f.record.started, slices.Concat(f.record.steps, r.steps[1:])
	if r.failure != nil {
		g.recordEnded(now, r, RestartFailed)
		return
	}
	g.adopt(r)
	g.step(now, r, "begun", nil)
	g.begun(now, r, f.request)
}

// dropFollowUp ends what was to follow before it has begun.
func (g *groupState) dropFollowUp(now time.Time, state RestartState, why *Failure) {
	if f := g.next; f != nil {
		g.next = nil
		f.record.failure = why
		g.recordEnded(now, f.record, state)
	}
}
