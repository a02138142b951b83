package deploy

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/spawn"
)

// A hookQueue runs the hooks of one app, one after the other, beside everything else. While none waits, it
// costs nothing.
type hookQueue struct {
	log   hclog.Logger
	ctx   context.Context // of the hooks; those that are left when it ends are not run
	hurry context.CancelFunc
	work  sync.WaitGroup // the goroutine of run

	mu      sync.Mutex // guards what follows
	waiting []hookRun
	running bool          // there is the goroutine of run
	rests   chan struct{} // closed when that has ended
}

// A hookRun is a hook and what it is told.
type hookRun struct {
	hook      *spawn.Hook
	variables map[string]string
	facts     any
}

// mostHooks is how many hooks of an app may wait for their turn.
const mostHooks = 1000

func newHookQueue(log hclog.Logger) *hookQueue {
	q := &hookQueue{log: log}
	q.ctx, q.hurry = context.WithCancel(context.Background())
	return q
}

// put has a hook run when it is its turn. It never waits.
func (q *hookQueue) put(r hookRun) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == mostHooks {
		q.log.Error("too many hooks wait for their turn, one is dropped", "hook", r.hook.Name, "waiting", mostHooks)
		return
	}
	q.waiting = append(q.waiting, r)
	if !q.running {
		q.running, q.rests = true, make(chan struct{})
		q.work.Go(q.run)
	}
}

func (q *hookQueue) run() {
	for r, more := q.next(); more; r, more = q.next() {
		if q.ctx.Err() != nil {
			q.log.Warn("hook not run, as purser is stopping", "hook", r.hook.Name)
			continue
		}
		if err := r.hook.Run(q.ctx, r.variables, r.facts); err != nil {
			q.log.Error("hook failed", "error", err, "output", linesOf(err))
		}
	}
}

func (q *hookQueue) next() (r hookRun, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting, q.running = nil, false
		close(q.rests)
		return r, false
	}
	r, q.waiting = q.waiting[0], q.waiting[1:]
	return r, true
}

// await returns true when none runs or waits, and false if ctx ends first.
func (q *hookQueue) await(ctx context.Context) bool {
	q.mu.Lock()
	running, rests := q.running, q.rests
	q.mu.Unlock()
	if !running {
		return true
	}
	select {
	case <-rests:
		return true
	case <-ctx.Done():
		return false
	}
}

// close lets the hooks that wait run for so long, and returns when the last has ended. Nothing is put any
// more.
func (q *hookQueue) close(patience time.Duration) {
	defer q.hurry()
	defer time.AfterFunc(patience, q.hurry).Stop()
	q.work.Wait()
}

func (a *App) hookOf(name string, command conf.Command, timeout time.Duration) *spawn.Hook {
	return &spawn.Hook{Keeper: a.deployer.keeper, App: a.now(), Name: name, Command: command, Timeout: timeout, Lines: a.lines}
}

// linesOf are the last lines of a hook that failed.
func linesOf(err error) []string {
	if failed, ok := errors.AsType[*spawn.HookError](err); ok {
		return failed.LastLines()
	}
	return nil
}

// hookFor is the hook that an event calls for, "" if none does.
func hookFor(hooks conf.Hooks, e pool.Event) (name string, command conf.Command) {
	switch e.Kind + " " + e.What {
	case "process ready":
		return "process_ready", hooks.ProcessReady
	case "process gone":
		return "process_gone", hooks.ProcessGone
	case "restart " + string(pool.RestartDone):
		return "after_restart", hooks.AfterRestart
	case "restart " + string(pool.RestartFailed):
		return "restart_failed", hooks.RestartFailed
	}
	return "", conf.Command{}
}

// A fact is what a hook reads as JSON.
type fact struct {
	Event   pool.Event            `json:"event"`
	Restart *pool.RestartSnapshot `json:"restart,omitempty"` // the one that the event is of
}

// factsOf is what a hook is told of an event: as variables, and whole.
func factsOf(g *pool.Group, e pool.Event) (variables map[string]string, facts fact) {
	variables = map[string]string{
		"PURSER_APP":   e.App,
		"PURSER_EVENT": e.Kind + " " + e.What,
		"PURSER_ROOT":  g.App().Root,
	}
	set := func(name, value string) {
		if value != "" && value != "0" {
			variables[name] = value
		}
	}
	set("PURSER_GENERATION", strconv.Itoa(e.Generation))
	set("PURSER_PID", strconv.Itoa(e.PID))
	set("PURSER_PROCESS", strconv.Itoa(e.Process))
	set("PURSER_REASON", e.Why)
	set("PURSER_RESTART", e.Restart)
	facts.Event = e
	for _, r := range g.Restarts() {
		if r.ID == e.Restart {
			facts.Restart = &r
			set("PURSER_RELEASE", r.Release.Path)
			set("PURSER_BY", r.By)
			set("PURSER_STRATEGY", r.Strategy)
		}
	}
	return variables, facts
}
