package pool

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/go-hclog"
)

// keptPast is how many generations that have worked a group can go back by.
const keptPast = 5

// Why a rollback or a promotion is refused.
var (
	ErrNothingOlder = errors.New("there is no older release that has worked")
	ErrOverwritten  = errors.New("its old code is no longer on disk, as the new was deployed in the same folder; deploy the old code and restart")
	ErrNoCanary     = errors.New("no canary waits to be promoted")
)

// prove makes the wanted generation the last good one.
func (g *groupState) prove(now time.Time) {
	if g.good == g.wanted {
		return
	}
	g.moves++
	if g.good != nil {
		g.past = append(g.past, g.good)
		g.past = g.past[max(0, len(g.past)-keptPast):]
		g.keepUntil = now.Add(g.app.Restart.RollbackWindow)
	}
	g.good = g.wanted
}

// rollback takes the wanted generation back: the last good one serves, or the one before if it was
// that itself. A restart that runs has failed by that.
func (g *groupState) rollback(now time.Time, id, reason string) (*restart, error) {
	if g.closed {
		return nil, ErrClosed
	}
	back, from := g.good, (*generation)(nil)
	if back == nil || g.wanted == back || g.wanted.rejected {
		if len(g.past) == 0 {
			return nil, ErrNothingOlder
		}
		back, from = g.past[len(g.past)-1], g.good
	}
	if g.overwritten(back) && g.of(back).alive == 0 {
		return nil, ErrOverwritten
	}
	why := &Failure{At: now, Generation: g.wanted.number, Reason: "rolled back", ErrorID: g.errorID()}
	if reason != "" {
		why.Reason = "rolled back: " + reason
	}
	g.dropFollowUp(now, RestartFailed, why)
	had := g.servers()
	if r := g.running(); r != nil {
		r.failure = why
		g.end(now, r, RestartFailed)
	}
	if from != nil {
		g.past, g.good = g.past[:len(g.past)-1], back
	}
	g.withdraw(why)
	g.wanted.byHand = true
	back.forgive()
	r := g.newRollback(now, id, reason, back, from, had)
	g.settle(now)
	return r, nil
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

// rollbackFailed ends a rollback to code that does not start. What served before is good again.
func (g *groupState) rollbackFailed(now time.Time, r *restart) {
	r.failure = r.generation.failure
	if r.from != nil {
		g.good = r.from
		if r.from == g.wanted {
			g.wanted.restore()
		}
	}
	g.end(now, r, RestartFailed)
}

// surrender makes do with code that was taken back, once nothing of the older is left: neither a process
// nor, after a deployment in the same folder, its code.
func (g *groupState) surrender(now time.Time) {
	if !g.wanted.rejected || !g.overwritten(g.good) || g.of(g.good).alive > 0 {
		return
	}
	g.moves++
	g.wanted.restore()
	g.os.note(hclog.Warn, "no process of the old code is left, so the new code serves", "generation", g.wanted.number)
	if r := g.running(); r != nil && r.way().returning() {
		r.failure = &Failure{At: now, Generation: r.generation.number, ErrorID: g.errorID(),
			Reason: "the last process with the old code has died, and the code is no longer on disk"}
		g.end(now, r, RestartFailed)
	}
}

// withdraw takes the wanted generation back for good.
func (g *groupState) withdraw(why *Failure) {
	g.wanted.reject(why)
	g.withdrawn = g.wanted.number
}

// onTrial reports whether the answers of p's generation are compared with those of the last good one.
func (g *groupState) onTrial(p *Process) bool {
	return g.app.Health.Probation > 0 && g.takingOver(p.generation)
}

// trying reports whether there is anything on trial.
func (g *groupState) trying() bool {
	return g.app.Health.Probation > 0 && g.takingOver(g.wanted) && g.census().wanted.all > 0
}

// takingOver reports whether a restart runs by which n takes over from the last good generation.
func (g *groupState) takingOver(n *generation) bool {
	r := g.running()
	return r != nil && r.generation == n && n == g.wanted && !n.bad && g.good != nil && n != g.good
}

// judge takes the wanted generation back if it clearly answers worse than the last good one.
func (g *groupState) judge(now time.Time) {
	r := g.running()
	if r == nil || !g.trying() {
		return
	}
	worse := g.wanted.tally.worseThan(g.good.tally)
	if worse == "" {
		return
	}
	why := &Failure{At: now, Generation: g.wanted.number, Reason: worse, ErrorID: g.errorID()}
	g.os.note(hclog.Error, "new code answers worse", "generation", g.wanted.number, "reason", worse, "error-id", why.ErrorID)
	g.takeBack(now, r, why)
}

// takeBack gives the wanted generation up for the last good one, which serves again. If nothing is left
// of that, the restart has failed all the same.
func (g *groupState) takeBack(now time.Time, r *restart, why *Failure) {
	r.failure = why
	if g.overwritten(g.good) && g.of(g.good).alive == 0 {
		r.failure.Reason += "; it serves on, as the old code is no longer on disk"
		g.prove(now)
		g.end(now, r, RestartFailed)
		return
	}
	g.moves++
	g.withdraw(why)
	g.noteResisting(why)
}

// drainRejected lets the processes go of what was taken back, where enough of the old code serves, or where
// it serves but cannot be spawned any more to replace them.
func (g *groupState) drainRejected(now time.Time) {
	if !g.wanted.rejected || !g.resisting() || g.of(g.good).ready == 0 ||
		g.of(g.good).ready < g.size() && !g.overwritten(g.good) {
		return
	}
	for _, p := range g.procs {
		if p.state == Ready && p.generation != g.good {
			g.drain(now, p, "taken back")
		}
	}
}

const (
	fewAnswers = 20    // a generation with fewer is not judged
	fewErrors  = 3     // nor one with fewer
	confidence = 2.576 // standard deviations: 99 % of a normal distribution lie within
)

// worseThan says how t errs clearly more often than old, "" if it does not: if the share of errors
// that t has at least is above the share that old has at most, with 99 % confidence each (Wilson's
// score interval). Fewer than 20 answers of old count as 20, the missing ones without an error.
func (t tally) worseThan(old tally) string {
	old.answered = max(old.answered, fewAnswers)
	if t.answered < fewAnswers || t.erred < fewErrors || t.bound(-confidence) <= old.bound(confidence) {
		return ""
	}
	return fmt.Sprintf("%d of its %d answers were errors (5xx or none), before it %d of %d",
		t.erred, t.answered, old.erred, old.answered)
}

// bound is where the true share of errors lies at least, for a negative z, or at most.
func (t tally) bound(z float64) float64 {
	n, p := float64(t.answered), float64(t.erred)/float64(t.answered)
	return (p + z*z/(2*n) + z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}
