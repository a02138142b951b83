package history

import (
	"slices"
	"strings"
	"time"

	"purser/pool"
	"purser/restart"
)

// A process is one of an app.
type process struct {
	app    string
	number int
}

// Of has the restarts of a pool looked up, whose events See is told of.
func (h *History) Of(p *pool.Pool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookUp = p.Restart
}

// See takes note of an event in the pool. Events have to come in their order.
func (h *History) See(e pool.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case e.Kind == "restart":
		h.seeRestart(e)
	case e.Kind == "process":
		h.seeProcess(e)
	case e.Kind == "worker":
		e.Why = "worker " + e.Worker + " " + e.Why
		h.seeProcess(e)
	case e.Kind == "app" && e.What == string(pool.Hung):
		h.add(Entry{At: e.At, App: e.App, Kind: Hung, To: &Code{Generation: e.Generation}, Outcome: Failed, Failure: e.Why})
	}
}

// GoesOn has the processes and restarts of a group known that went on when the process that served had ended.
func (h *History) GoesOn(g *pool.Group) {
	restarts, now := g.Restarts(), g.Snapshot()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range now.Processes {
		h.alive[process{g.Name(), p.Number}] = p.State
	}
	for _, w := range now.Workers {
		for _, p := range w.Processes {
			h.alive[process{g.Name(), p.Number}] = p.State
		}
	}
	for _, r := range restarts {
		i := slices.IndexFunc(h.entries, func(old Entry) bool { return old.Restart == r.ID })
		switch next := entryOf(r); {
		case i < 0 && r.State == pool.RestartRunning: // it has just begun
			h.add(next)
		case i >= 0 && h.entries[i].Outcome == Interrupted:
			next.Seq = h.entries[i].Seq
			h.change(next)
		}
	}
}

// seeProcess notes that a process crashed, or failed to start. What a restart starts is told by its own entry.
func (h *History) seeProcess(e pool.Event) {
	p := process{e.App, e.Process}
	was := h.alive[p]
	h.alive[p] = e.What
	if e.What != "gone" {
		return
	}
	delete(h.alive, p)
	kind := Crash
	switch {
	case e.Crashed, was == "ready": // of a worker, and of what was lost while purser was started anew, it is not said
	case was == "spawning":
		kind = BootFailure
		if r, known := h.lookUp(e.Restart); known != nil && r.Generation == e.Generation {
			return
		}
	default:
		return
	}
	h.add(Entry{At: e.At, App: e.App, Kind: kind, PID: e.PID, To: &Code{Generation: e.Generation}, Outcome: Failed, Failure: e.Why})
}

// seeRestart notes that a restart was asked for, or how it ended. Of those that come with each request, in
// development, only what fails is worth it.
func (h *History) seeRestart(e pool.Event) {
	state := pool.RestartState(e.What)
	ends := state == pool.RestartDone || state == pool.RestartFailed || state == pool.RestartSuperseded
	if !ends && e.What != "requested" {
		return
	}
	i := slices.IndexFunc(h.entries, func(old Entry) bool { return old.Restart == e.Restart })
	r, known := h.lookUp(e.Restart)
	if known == nil {
		h.endForgotten(i, e, ends)
		return
	}
	if r.By == restart.ByAlways && r.State != pool.RestartFailed {
		return
	}
	next := entryOf(r)
	if i < 0 {
		h.add(next)
		return
	}
	if next.Seq = h.entries[i].Seq; next.Outcome != h.entries[i].Outcome || next.By != h.entries[i].By {
		h.change(next)
	}
}

// endForgotten ends the entry of a restart of which the pool knows nothing any more.
func (h *History) endForgotten(i int, e pool.Event, ends bool) {
	if i < 0 || !ends {
		return
	}
	old, at := h.entries[i], e.At
	old.Outcome, old.Ended = Outcome(e.What), &at
	if old.Outcome == Failed {
		old.Failure = clip(e.Why)
	}
	h.change(old)
}

// entryOf is what is told of a restart, as it stands.
func entryOf(r pool.RestartSnapshot) Entry {
	e := Entry{At: r.Started, App: r.App, Kind: Restart, By: clip(r.By), Reason: clip(r.Reason), Restart: r.ID, Ended: r.Ended,
		To: codeOf(r.Generation, r.Release), Outcome: outcomeOf(r)}
	if r.Strategy == pool.Rollback {
		e.Kind = Rollback
	}
	if r.From != nil {
		e.From = codeOf(r.From.Generation, r.From.Release)
	}
	if r.Failure != nil && r.State == pool.RestartFailed {
		e.Failure, e.ErrorID = clip(r.Failure.Reason), r.Failure.ErrorID
	}
	return e
}

func outcomeOf(r pool.RestartSnapshot) Outcome {
	switch r.State {
	case pool.RestartDone:
		return Done
	case pool.RestartSuperseded:
		return Superseded
	case pool.RestartFailed:
		if r.Failure != nil && strings.HasPrefix(r.Failure.Reason, "rolled back") ||
			slices.ContainsFunc(r.Steps, func(s pool.Step) bool { return s.What == "rolled-back" }) {
			return RolledBack
		}
		return Failed
	}
	return Running
}

// Promoted notes that somebody has promoted the canary of a restart.
func (h *History) Promoted(by string, began time.Time, r pool.RestartSnapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := entryOf(r)
	e.At, e.Kind, e.By, e.Restart, e.Reason = began, Promote, by, "", r.Reason
	e.end(time.Now(), nil)
	h.add(e)
}
