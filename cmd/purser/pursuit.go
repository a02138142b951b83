package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"purser/cmd/purser/show"
	"purser/pool"
	"purser/status"
)

// A pursuit is what restart, rollback and promote have in common: something is asked of some apps, and
// then followed to its end.
type pursuit struct {
	reach        *reach
	noWait, json bool
	timeout      time.Duration
}

// An errand is what is asked of one app.
type errand struct {
	app  string
	verb string // what is being done, for people: "restarting to"
	ask  func(context.Context) (status.Accepted, error)
}

func (o *pursuit) declare(c *cobra.Command) {
	o.reach = addReach(c)
	c.ValidArgsFunction = o.reach.completeApps
	f := c.Flags()
	f.BoolVar(&o.noWait, "no-wait", false, "return once it has begun")
	f.BoolVar(&o.json, "json", false, "print what happens as JSON, one event a line")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "wait no longer than `SPAN`; it goes on")
}

// run asks for everything at once, so that no app waits for another, and then follows it.
func (o *pursuit) run(ctx context.Context, c *cobra.Command, client *status.Client, errands []errand) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	progress := show.NewProgress(c.OutOrStdout(), o.json, client)
	results := make([]error, len(errands))
	var under sync.WaitGroup
	for i, e := range errands {
		under.Go(func() { results[i] = o.do(ctx, client, progress, e) })
	}
	under.Wait()
	progress.Close()
	return worst(results)
}

// do sees one errand through; its error says how it ended, if that was not well.
func (o *pursuit) do(ctx context.Context, client *status.Client, progress *show.Progress, e errand) error {
	accepted, err := e.ask(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return withCode(exitTimeout, "%s has not begun within %v, as its before_restart takes so long; that goes on", e.app, o.timeout)
	case err != nil:
		return err
	}
	progress.Accepted(e.app, e.verb, accepted)
	if o.noWait {
		return nil
	}
	r, err := client.WaitRestart(ctx, accepted.ID, func(r pool.RestartSnapshot) { progress.Went(e.app, r) })
	switch {
	case err != nil && ctx.Err() != nil:
		progress.Drop(e.app)
		return withCode(exitTimeout, "the %s of %s has not ended within %v; it goes on", deed(r), e.app, o.timeout)
	case err != nil:
		progress.Drop(e.app)
		return fmt.Errorf("cannot follow the %s of %s: %w", deed(r), e.app, err)
	case r.State != pool.RestartFailed:
		return outcome(e.app, r, nil)
	}
	now, err := client.App(ctx, e.app)
	if err != nil {
		return outcome(e.app, r, nil)
	}
	return outcome(e.app, r, &now)
}

func deed(r pool.RestartSnapshot) string {
	if r.Strategy == pool.Rollback {
		return "rollback"
	}
	return "restart"
}

// outcome is nil if the restart did what it should. Now is the app after it, nil if that is not known.
func outcome(app string, r pool.RestartSnapshot, now *status.App) error {
	switch r.State {
	case pool.RestartDone, pool.RestartCanary:
		return nil
	case pool.RestartSuperseded:
		return withCode(exitSuperseded, "the %s of %s to generation %d was superseded by a newer one", deed(r), app, r.Generation)
	}
	text := fmt.Sprintf("the %s of %s failed", deed(r), app)
	if r.Failure == nil {
		return withCode(exitFailed, "%s%s", text, whatServes(r, now))
	}
	text += ": " + status.Printable(r.Failure.Reason)
	if !strings.Contains(r.Failure.Reason, "serves on") {
		text += whatServes(r, now)
	}
	lines := []string{text}
	for _, line := range r.Failure.Output {
		lines = append(lines, outputMark+status.Printable(line))
	}
	return withCode(exitFailed, "%s", strings.Join(lines, "\n"))
}

// whatServes says what visitors get after a restart that failed.
func whatServes(r pool.RestartSnapshot, now *status.App) string {
	if now == nil {
		return ""
	}
	ready, others := 0, 0
	for _, p := range now.Processes {
		if p.State != "ready" {
			continue
		}
		ready++
		if p.Generation != r.Generation {
			others++
		}
	}
	switch {
	case ready == 0:
		return "; no process serves now"
	case r.Strategy == pool.Rollback:
		return "; what served before serves on"
	case others > 0:
		return "; the old code serves on"
	}
	return "; the new code serves on"
}

// worst joins the errors into one that has the exit code of the gravest: what failed before what
// was not waited for, and that before what was superseded.
func worst(results []error) error {
	all := errors.Join(results...)
	if all == nil {
		return nil
	}
	for _, code := range []int{exitInternal, exitUnreachable, exitUsage, exitFailed, exitTimeout} {
		for _, err := range results {
			if err != nil && exitCode(err) == code {
				return coded{code, all}
			}
		}
	}
	return coded{exitSuperseded, all}
}
