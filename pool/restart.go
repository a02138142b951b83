package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// A RestartRequest asks for a restart.
type RestartRequest struct {
	Release  Release     // resolved once, at the trigger
	Strategy string      // Rolling, Blocking or BlueGreen; "" = the app's
	Reason   string      // for people
	Canary   conf.Amount // stop when so many processes are replaced, until Promote; zero = do not
	Memory   Memory      // limits how many processes are started beside the old ones
	Insist   bool        // if the new code does not start, do not fall back on the old: for development

	// Settle is for triggers that come in bursts, like touches of restart.txt. If it is above 0 the
	// first spawn begins at once, but nothing of the new generation is put to work for that long,
	// and a further request with Settle meanwhile joins this restart: same id and generation, its own
	// release, the wait begins anew. A burst of requests holds a restart back for 10 s in all.
	Settle time.Duration
}

// Memory is what there was when a restart was asked for, in bytes. 0 = unknown, and then no limit.
type Memory struct {
	Free       int64
	PerProcess int64 // what one process of the app takes now
}

const (
	keptRestarts = 20               // per group
	keptSteps    = 2000             // per restart; a long one keeps its first ones
	longestWait  = 10 * time.Second // that Settle can hold a restart back in all
)

// A restart is the record of one restart. What it is to do is not here: the group's wanted generation
// says that, and the rest follows from what lives.
type restart struct {
	id          string
	generation  *generation
	from        *generation // where a rollback took the group from, if that was good
	strategy    string
	asked       string // the strategy that was asked for
	reason      string
	had         int  // processes that were ready, at least min; more if the group has grown since
	total       int  // processes to replace: at least one
	surge       int  // processes above max_processes meanwhile
	unavailable int  // processes that may be missing meanwhile
	spare       int  // processes that fit into memory beside those; -1 = any number
	canary      int  // so many processes are replaced until it is promoted; 0 = all
	halted      bool // that was reached
	started     time.Time
	quietAt     time.Time // nothing of the generation is put to work before; zero = at once
	switched    time.Time // blue-green: when the old ones were taken away; zero = not yet
	probation   time.Time // the generation, which has taken over, is watched until; zero = not yet

	state    RestartState
	ended    time.Time
	recovers bool // it has failed, but its code has started since
	replaced int  // when it ended
	steps    []Step
	failure  *Failure
}

func (r *restart) way() way { return wayOf(r.strategy) }

// joinable reports whether a further request may become part of r: as long as its generation is held
// back, so that nobody has seen it.
func (r *restart) joinable(now time.Time, req RestartRequest) bool {
	return r.state == RestartRunning && req.Settle > 0 && now.Before(r.quietAt) && r.asked == req.Strategy
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

// postpone is hold for the restart that runs, if a request could join it.
func (g *groupState) postpone(now time.Time, settle time.Duration) bool {
	r := g.running()
	if r == nil || !r.joinable(now, RestartRequest{Settle: settle, Strategy: r.asked}) {
		return false
	}
	r.hold(now, settle)
	return true
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

// restartTo returns the restart that asked for n, or nil.
func (g *groupState) restartTo(n *generation) *restart {
	for _, r := range slices.Backward(g.restarts) {
		if r.generation == n && !r.way().returning() {
			return r
		}
	}
	return nil
}

// record appends r to the restarts that are remembered.
func (g *groupState) record(r *restart) {
	if len(g.restarts) == keptRestarts {
		g.restarts = slices.Delete(g.restarts, 0, 1)
	}
	g.restarts = append(g.restarts, r)
}

// restart wants a new generation, or a newer release for the one that is still held back.
func (g *groupState) restart(now time.Time, id string, req RestartRequest) *restart {
	req.Strategy = cmp.Or(req.Strategy, g.app.Restart.Strategy, Rolling)
	r := g.running()
	switch {
	case r != nil && r.joinable(now, req):
		g.noteGivenUp(r)
		g.wanted = &generation{number: r.generation.number, release: req.Release, insisted: req.Insist}
		r.generation, r.reason = g.wanted, req.Reason
		g.begun(now, r, req)
	case g.mustBoot(now, r):
		r = g.follow(now, id, req, r)
	default:
		r = g.supersede(now, id, req, r)
	}
	g.settle(now)
	return r
}

// supersede begins a restart in place of the one that runs, unless it cannot be.
func (g *groupState) supersede(now time.Time, id string, req RestartRequest, running *restart) *restart {
	next := g.newRestart(now, id, req, running)
	if next.failure != nil {
		g.recordEnded(now, next, RestartFailed)
		return next
	}
	g.noteGivenUp(running)
	g.dropFollowUp(now, RestartSuperseded, nil)
	if running != nil {
		g.endCanary(now, running)
		g.end(now, running, RestartSuperseded)
	}
	g.adopt(next)
	g.begun(now, next, req)
	return next
}

// adopt makes r the restart that runs.
func (g *groupState) adopt(r *restart) {
	g.wanted, g.spare = r.generation, r.spare
	g.moves++
	g.record(r)
}

// begun follows when r runs, or has a newer release.
func (g *groupState) begun(now time.Time, r *restart, req RestartRequest) {
	r.hold(now, req.Settle)
	if g.good != nil {
		g.good.forgive()
	}
	g.os.note(hclog.Info, "restart requested", "id", r.id, "generation", r.generation.number,
		"strategy", r.strategy, "release", req.Release.Path, "reason", req.Reason)
}

// newRestart returns a restart that is not begun yet. If it has a failure, it must not be. What
// supersedes a blocking restart is one as well: there is a reason why old and new code must not serve
// side by side.
func (g *groupState) newRestart(now time.Time, id string, req RestartRequest, running *restart) *restart {
	r := &restart{
		id:         id,
		generation: &generation{number: g.wanted.number + 1, release: req.Release, insisted: req.Insist},
		strategy:   req.Strategy,
		asked:      req.Strategy,
		reason:     req.Reason,
		had:        g.servers(),
		total:      g.toReplace(),
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
		size, err := g.canarySize(req.Canary)
		if err != nil {
			r.failure = &Failure{At: now, Generation: r.generation.number, Reason: err.Error(), ErrorID: g.errorID()}
			return r
		}
		r.canary = size
	}
	g.limit(now, r, req.Memory)
	if r.canary > r.surge && r.failure == nil { // as little memory is left
		if r.canary = r.surge; r.surge == 0 {
			r.failure = &Failure{At: now, Generation: r.generation.number, ErrorID: g.errorID(),
				Reason: "not enough memory for a canary beside the old processes; restart without, or free some"}
			return r
		}
	}
	return r
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
}

// endRecovered has the restart to the wanted generation end well that had failed, as its code did not start, if
// that was tried again and has taken over by now.
func (g *groupState) endRecovered(now time.Time) {
	r := g.restartTo(g.wanted)
	if r == nil || !r.recovers {
		return
	}
	g.moves++
	r.replaced = min(r.total, g.of(r.generation).ready)
	r.state, r.ended, r.failure, r.recovers = RestartDone, now, nil, false
	g.step(now, r, string(RestartDone), nil)
	g.os.note(hclog.Info, "restart done after all", "id", r.id, "generation", r.generation.number, "took", now.Sub(r.started))
}

// replaced is how many processes of r's generation are ready, of as many as there are to replace.
func (g *groupState) replaced(r *restart) int {
	if r.state != RestartRunning {
		return r.replaced
	}
	return min(r.total, g.of(r.generation).ready)
}

// recordEnded records a restart that never began, or was refused. What runs goes on.
func (g *groupState) recordEnded(now time.Time, r *restart, state RestartState) {
	running := g.running()
	g.record(r)
	g.end(now, r, state)
	if running != nil {
		last := len(g.restarts) - 1
		g.restarts[last-1], g.restarts[last] = g.restarts[last], g.restarts[last-1]
	}
}

// stopFailure is why a restart fails that is cut short by close.
func (g *groupState) stopFailure(now time.Time, r *restart) *Failure {
	return &Failure{At: now, Generation: r.generation.number, Reason: "purser is stopping", ErrorID: g.errorID()}
}

// waitsForPromotion reports whether r has replaced as many processes as it may for now.
func (g *groupState) waitsForPromotion(r *restart) bool {
	return r.state == RestartRunning && r.canary > 0 && r.halted && !r.generation.bad
}

func levelOf(state RestartState) hclog.Level {
	if state == RestartFailed {
		return hclog.Error
	}
	return hclog.Info
}
