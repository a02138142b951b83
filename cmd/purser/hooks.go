package main

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/spawn"
	"purser/spawn/keeper"
)

// A hookLine runs the hooks of one app, one after the other, beside everything else.
type hookLine struct {
	keeper *keeper.Keeper
	app    conf.App
	log    hclog.Logger
	jobs   chan hookJob
}

type hookJob struct {
	hook      spawn.Hook
	variables map[string]string
	facts     any
}

// mostJobs is how many hooks of an app may wait for their turn.
const mostJobs = 1000

func hookOf(k *keeper.Keeper, app conf.App, name string, command conf.Command, log hclog.Logger) *spawn.Hook {
	return &spawn.Hook{Keeper: k, App: app, Name: name, Command: command, Timeout: app.Hooks.Timeout, Log: log}
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
			set("PURSER_STRATEGY", r.Strategy)
		}
	}
	return variables, facts
}

// linesOf are the last lines of a hook that failed.
func linesOf(err error) []string {
	if failed, ok := errors.AsType[*spawn.HookError](err); ok {
		return failed.LastLines()
	}
	return nil
}

// run runs hooks until its channel is closed; those that are left when ctx ends are not run.
func (l *hookLine) run(ctx context.Context) {
	for job := range l.jobs {
		if ctx.Err() != nil {
			l.log.Warn("hook not run, as purser is stopping", "hook", job.hook.Name)
			continue
		}
		if err := job.hook.Run(ctx, job.variables, job.facts); err != nil {
			l.log.Error("hook failed", "error", err, "output", linesOf(err))
		}
	}
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

// put has a hook run for an event if there is one. It never waits.
func (l *hookLine) put(g *pool.Group, e pool.Event) {
	name, command := hookFor(l.app.Hooks, e)
	if command.IsZero() {
		return
	}
	variables, facts := factsOf(g, e)
	select {
	case l.jobs <- hookJob{*hookOf(l.keeper, l.app, name, command, l.log), variables, facts}:
	default:
		l.log.Error("too many hooks wait for their turn, one is dropped", "hook", name, "waiting", mostJobs)
	}
}

// hookLines are those of all apps that have hooks.
type hookLines struct {
	lines   map[string]*hookLine
	running sync.WaitGroup
}

func startHooks(ctx context.Context, k *keeper.Keeper, apps []conf.App, log hclog.Logger) *hookLines {
	h := &hookLines{lines: map[string]*hookLine{}}
	for _, app := range apps {
		line := &hookLine{keeper: k, app: app, log: log.Named("hook").With("app", app.Name), jobs: make(chan hookJob, mostJobs)}
		h.lines[app.Name] = line
		h.running.Go(func() { line.run(ctx) })
	}
	return h
}

// close lets the hooks that wait run, and returns when the last has ended.
func (h *hookLines) close() {
	for _, line := range h.lines {
		close(line.jobs)
	}
	h.running.Wait()
}
