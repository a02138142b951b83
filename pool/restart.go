package pool

import (
	"time"

	"purser/conf"
)

// A RestartRequest asks for a restart.
type RestartRequest struct {
	Release  Release     // resolved once, at the trigger
	Strategy string      // Rolling, Blocking or BlueGreen; "" = the app's
	Reason   string      // for people
	By       string      // who asks, for people
	Canary   conf.Amount // stop when so many processes are replaced, until Promote; zero = do not
	Memory   Memory      // limits how many processes are started beside the old ones
	Insist   bool        // if the new code does not start, do not fall back on the old: for development
	Config   int         // the configuration that its processes are started with, by the number that the caller knows it by

	// SameCode says that only the configuration is new: the code on disk is that of the newest generation. So
	// what is older can be spawned as before, though the folder is the same.
	SameCode bool

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
	by          string
	served      *generation // what was good when it was asked for, or is taken back by it; nil = nothing
	had         int         // processes that were ready, at least min; more if the group has grown since
	total       int         // processes to replace: at least one
	surge       int         // processes above max_processes meanwhile
	unavailable int         // processes that may be missing meanwhile
	spare       int         // processes that fit into memory beside those; -1 = any number
	canary      int         // so many processes are replaced until it is promoted; 0 = all
	halted      bool        // that was reached
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

// fit has r do with as many processes as the app may have.
func (r *restart) fit(app *conf.App) {
	r.had, r.total = min(r.had, app.MaxProcesses), min(r.total, app.MaxProcesses)
}

// waits reports whether r has a canary that was not promoted yet.
func (r *restart) waits() bool { return r != nil && r.canary > 0 }

// waitsForPromotion reports whether it has replaced as many processes as it may for now.
func (r *restart) waitsForPromotion() bool {
	return r.state == RestartRunning && r.waits() && r.halted && !r.generation.bad()
}
