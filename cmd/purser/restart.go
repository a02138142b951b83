package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"purser/pool"
	"purser/status"
)

type restartOptions struct {
	reach       *reach
	all, noWait bool
	json        bool
	strategy    string
	reason      string
	timeout     time.Duration
}

func newRestart() *cobra.Command {
	o := restartOptions{}
	c := &cobra.Command{
		Use:   "restart APP|DIR... | --all",
		Short: "Swap the processes of apps for new ones, and wait until that is done",
		Long: "Restart apps, named by themselves or by the folder that is their root, and wait until it is done.\n" +
			"Exit code: 0 done, 1 failed (the old code serves on), 3 superseded by a newer restart,\n" +
			"4 timed out (the restart goes on), 5 no purser runs. More: purser help restarts",
		Example: "  purser restart blog\n  purser restart . --reason \"release 42\"\n  purser restart --all --no-wait",
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(c, args); err != nil {
				return err
			}
			return o.restart(c, args)
		},
	}
	o.reach = addReach(c)
	c.ValidArgsFunction = o.reach.completeApps
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "restart all apps")
	f.BoolVar(&o.noWait, "no-wait", false, "return once the restart has begun")
	f.BoolVar(&o.json, "json", false, "print what happens as JSON, one event a line")
	f.StringVar(&o.strategy, "strategy", "rolling", "rolling is the only one yet")
	f.StringVar(&o.reason, "reason", "", "`TEXT` for status and the log")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "wait no longer than `SPAN`; the restart goes on")
	refuseLater(f, "marked")
	return c
}

func (o *restartOptions) check(c *cobra.Command, args []string) error {
	if err := refuseUnsupported(c, "marked"); err != nil {
		return err
	}
	switch {
	case o.strategy == "blocking" || o.strategy == "blue-green":
		return withCode(exitUsage, "--strategy %s is not supported yet; use rolling", o.strategy)
	case o.strategy != "rolling":
		return withCode(exitUsage, "there is no strategy %q; use rolling", o.strategy)
	case o.all && len(args) > 0:
		return withCode(exitUsage, "give either apps or --all, not both")
	case !o.all && len(args) == 0:
		return withCode(exitUsage, "restart needs an app or its folder, or --all; see purser restart --help")
	}
	return nil
}

// restart orders all restarts first, so that none waits for another, and then follows them.
func (o *restartOptions) restart(c *cobra.Command, words []string) error {
	client, err := o.reach.client()
	if err != nil {
		return err
	}
	defer client.Close()
	apps, err := o.choose(c.Context(), client, words)
	if err != nil {
		return err
	}
	show := newProgress(c.OutOrStdout(), o.json, len(apps) == 1)
	ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
	defer cancel()
	results := make([]error, len(apps))
	var following sync.WaitGroup
	for i, app := range apps {
		accepted, err := client.Restart(c.Context(), app, status.Order{Strategy: o.strategy, Reason: o.reason})
		if err != nil {
			results[i] = err
			continue
		}
		show.accepted(app, accepted)
		if !o.noWait {
			following.Go(func() { results[i] = o.follow(ctx, client, show, app, accepted.ID) })
		}
	}
	following.Wait()
	return worst(results)
}

// choose returns the names of the apps that the words mean, each once.
func (o *restartOptions) choose(ctx context.Context, client *status.Client, words []string) ([]string, error) {
	d, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, app := range d.Apps {
		if o.all {
			names = append(names, app.Name)
		}
	}
	chosen := map[string]bool{}
	for _, word := range words {
		app, err := find(word, d.Apps)
		if err != nil {
			return nil, err
		}
		if !chosen[app.Name] {
			names = append(names, app.Name)
		}
		chosen[app.Name] = true
	}
	return names, nil
}

// follow waits until one restart has ended; its error says how, if it did not end well.
func (o *restartOptions) follow(ctx context.Context, client *status.Client, show *progress, app, id string) error {
	r, err := client.WaitRestart(ctx, id, func(r pool.RestartSnapshot) { show.went(app, r) })
	switch {
	case ctx.Err() != nil && err != nil:
		show.broke()
		return withCode(exitTimeout, "the restart of %s has not ended within %v; it goes on", app, o.timeout)
	case err != nil:
		show.broke()
		return fmt.Errorf("cannot follow the restart of %s: %w", app, err)
	}
	return outcome(app, r)
}

// outcome is nil if the restart did what it should.
func outcome(app string, r pool.RestartSnapshot) error {
	switch r.State {
	case pool.RestartDone:
		return nil
	case pool.RestartSuperseded:
		return withCode(exitSuperseded, "the restart of %s to generation %d was superseded by a newer one", app, r.Generation)
	}
	if r.Failure == nil {
		return withCode(exitFailed, "the restart of %s failed; the old code serves on", app)
	}
	lines := []string{fmt.Sprintf("the restart of %s failed: %s; the old code serves on", app, r.Failure.Reason)}
	for _, line := range r.Failure.Output {
		lines = append(lines, outputMark+status.Printable(line))
	}
	return withCode(exitFailed, "%s", strings.Join(lines, "\n"))
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
