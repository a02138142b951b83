package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"purser/cmd/purser/show"
	"purser/conf"
	"purser/pool"
	"purser/status"
)

// followOptions are what restart, rollback and promote have in common: something is asked of some apps, and
// then followed to its end.
type followOptions struct {
	target       *target
	noWait, json bool
	timeout      time.Duration
}

// An action is what is asked of one app.
type action struct {
	app  string
	name string // of what is done: "restart" or "rollback"
	verb string // what is being done, for people: "restarting to"
	ask  func(context.Context) (status.Accepted, error)
}

func (o *followOptions) declare(c *cobra.Command) {
	o.target = addTarget(c)
	c.ValidArgsFunction = o.target.completeApps
	f := c.Flags()
	f.BoolVar(&o.noWait, "no-wait", false, "return once it has begun")
	f.BoolVar(&o.json, "json", false, "print what happens as JSON, one event a line")
	addTimeout(c, &o.timeout, 10*time.Minute, "wait no longer than `SPAN`; it goes on")
}

// one asks something of the one app that a word means, and follows it.
func (o *followOptions) one(c *cobra.Command, word string, what action, ask func(context.Context, *status.Client, string) (status.Accepted, error)) error {
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	app, err := findApp(c.Context(), client, word)
	if err != nil {
		return err
	}
	what.app = app.Name
	what.ask = func(ctx context.Context) (status.Accepted, error) { return ask(ctx, client, app.Name) }
	return o.run(c.Context(), c, client, []action{what})
}

// run asks for everything at once, so that no app waits for another, and then follows it.
func (o *followOptions) run(ctx context.Context, c *cobra.Command, client *status.Client, actions []action) error {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt)
	defer release()
	defer context.AfterFunc(ctx, release)() // a second Ctrl-C ends us at once
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, errTooLong)
	defer cancel()
	progress := show.NewProgress(c.OutOrStdout(), o.json, client)
	results := make([]error, len(actions))
	var under sync.WaitGroup
	for i, e := range actions {
		under.Go(func() { results[i] = o.do(ctx, client, progress, e) })
	}
	under.Wait()
	progress.Close()
	return worst(results)
}

// errTooLong ends the wait of a command that has a --timeout.
var errTooLong = errors.New("it took too long")

// do sees one action through; its error says how it ended, if that was not well.
func (o *followOptions) do(ctx context.Context, client *status.Client, progress *show.Progress, e action) error {
	accepted, err := e.ask(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return o.unanswered(ctx, e)
	case status.WasCut(err):
		return withCode(exitUnreachable, "purser ended the connection before it said that the %s of %s has begun; it may have, see purser history %s", e.name, e.app, e.app)
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
		return o.unfinished(ctx, e)
	case err != nil:
		progress.Drop(e.app)
		return fmt.Errorf("cannot follow the %s of %s: %w", e.name, e.app, err)
	case r.State != pool.RestartFailed:
		return outcome(e.app, r, nil)
	}
	now, err := client.App(ctx, e.app)
	if err != nil {
		return outcome(e.app, r, nil)
	}
	return outcome(e.app, r, &now)
}

// unanswered says what is known of an action that purser has not answered: it may have a before_restart
// that takes its time, or it was not asked any more.
func (o *followOptions) unanswered(ctx context.Context, e action) error {
	if context.Cause(ctx) != errTooLong {
		return withCode(exitInterrupted, "interrupted before purser said that the %s of %s has begun; it may still begin, see purser status %s", e.name, e.app, e.app)
	}
	return withCode(exitTimeout, "purser has not said within %s that the %s of %s has begun; it may still begin, see purser status %s", conf.Duration(o.timeout), e.name, e.app, e.app)
}

// unfinished says what becomes of an action that is not waited for any longer.
func (o *followOptions) unfinished(ctx context.Context, e action) error {
	if context.Cause(ctx) == errTooLong {
		return withCode(exitTimeout, "the %s of %s has not ended within %s; it goes on", e.name, e.app, conf.Duration(o.timeout))
	}
	text := fmt.Sprintf("interrupted; the %s of %s goes on, see purser status %s", e.name, e.app, e.app)
	if e.name == pool.Rollback {
		return withCode(exitInterrupted, "%s", text)
	}
	return withCode(exitInterrupted, "%s; purser rollback %s takes it back", text, e.app)
}

// outcome is nil if the restart did what it should. Now is the app after it, nil if that is not known.
func outcome(app string, r pool.RestartSnapshot, now *status.App) error {
	switch r.State {
	case pool.RestartDone, pool.RestartCanary:
		return nil
	case pool.RestartSuperseded:
		return withCode(exitSuperseded, "the %s of %s to generation %d was superseded by a newer one", status.NameOf(&r), app, r.Generation)
	}
	text := fmt.Sprintf("the %s of %s failed", status.NameOf(&r), app)
	if r.Failure == nil {
		return withCode(exitFailed, "%s%s", text, whatServes(r, now))
	}
	text += ": " + status.Printable(r.Failure.Reason)
	if !strings.Contains(r.Failure.Reason, "serves on") {
		text += whatServes(r, now)
	}
	var lines []string
	for _, line := range r.Failure.Output {
		lines = append(lines, outputMark+status.Printable(line))
	}
	lines = append(lines, text) // at the end, where it stays on the screen
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
	for _, code := range []int{exitInternal, exitUnreachable, exitUsage, exitFailed, exitInterrupted, exitTimeout} {
		for _, err := range results {
			if err != nil && exitCode(err) == code {
				return coded{code, all}
			}
		}
	}
	return coded{exitSuperseded, all}
}
