package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/pool"
	"purser/status"
)

type reloadOptions struct {
	followOptions
	dryRun bool
	file   string
}

func newReload() *cobra.Command {
	o := reloadOptions{}
	c := &cobra.Command{
		Use:     "reload",
		Short:   "Have the running purser read its configuration again and go by it",
		GroupID: "restart",
		Long: "Have the running purser read its configuration again: apps and listeners come and go, keys change in place, and apps\n" +
			"whose processes are started with another configuration are restarted. A configuration that cannot be used changes\n" +
			"nothing; an app that cannot be served keeps the others from nothing. Returns when the restarts have ended and the new apps have started.\n" +
			"Exit code: 0 done, 1 a restart or a start failed, or an app cannot be served (the rest is done), 2 the configuration cannot be used, 3 a restart was superseded,\n" +
			"4 timed out, 5 no purser runs. More: purser help reload",
		Example: "  purser reload --dry-run\n  purser reload\n  purser reload --dry-run --config new.toml",
		Args:    takes(0, 0, "no argument"),
		RunE:    func(c *cobra.Command, _ []string) error { return o.reload(c) },
	}
	o.declare(c)
	c.ValidArgsFunction = nil
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be changed, and change nothing")
	c.Flags().StringVar(&o.file, "config", "", "read `FILE` this once, in place of the file that purser was started with")
	return c
}

func (o *reloadOptions) reload(c *cobra.Command) error {
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	options := status.ReloadOptions{DryRun: o.dryRun}
	if o.file != "" {
		if options.Config, err = filepath.Abs(o.file); err != nil {
			return asUsage(err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(c.Context(), o.timeout, errTooLong)
	defer cancel()
	done, err := client.Reload(ctx, options)
	switch {
	case err != nil && ctx.Err() != nil:
		return withCode(exitTimeout, "purser has not answered within %s; the reload goes on, see purser status", conf.Duration(o.timeout))
	case err != nil:
		return err
	case o.json:
		err = json.NewEncoder(c.OutOrStdout()).Encode(done)
	default:
		_, err = io.WriteString(c.OutOrStdout(), reloadText(done))
	}
	if err != nil {
		return err
	}
	if o.dryRun {
		return worst(problemsOf(done))
	}
	return o.followReload(ctx, c, client, done)
}

// problemsOf are what could not be done for single apps.
func problemsOf(done status.Reload) (all []error) {
	for _, problem := range done.Problems {
		all = append(all, withCode(exitFailed, "%s", problem))
	}
	return all
}

// followReload waits for what a reload has begun.
func (o *reloadOptions) followReload(ctx context.Context, c *cobra.Command, client *status.Client, done status.Reload) error {
	results := problemsOf(done)
	var actions []action
	for _, r := range done.Restarts {
		actions = append(actions, action{app: r.App, name: "restart", verb: "restarting with its new configuration, to",
			ask: func(context.Context) (status.Accepted, error) { return r.Accepted, nil }})
	}
	if len(actions) > 0 {
		results = append(results, o.run(ctx, c, client, actions))
	}
	for _, app := range done.Difference.Apps {
		if app.New && !o.noWait && !slices.Contains(done.Unserved, app.Name) {
			results = append(results, awaitStart(ctx, client, app.Name))
		}
	}
	return worst(results)
}

// awaitStart returns when an app serves, or rests, or has failed to start, which is an error. Where code that was
// known to work is there, what other code fails of is no reason that the app does not start.
func awaitStart(ctx context.Context, client *status.Client, name string) error {
	return awaitApp(ctx, client, name, "has not started in time; it goes on", func(app status.App) (bool, error) {
		switch app.Condition {
		case pool.Up, pool.Resting, pool.Restarting, pool.Resisting, pool.RolledBack:
			return true, nil
		case pool.Stopped, pool.Closing:
			return false, withCode(exitFailed, "%s was stopped before it had started", name)
		}
		if app.Failure != nil && (app.Condition == pool.Failed || app.LastGood == nil) {
			return false, withCode(exitFailed, "%s does not start: %s; purser status %s says more", name, status.Printable(app.Failure.Reason), name)
		}
		return false, nil
	})
}

// reloadText says what a reload changes, in plain words. Values are no part of it.
func reloadText(r status.Reload) string {
	var b strings.Builder
	say := func(text string, args ...any) { fmt.Fprintf(&b, text+"\n", args...) }
	d := r.Difference
	for _, app := range d.Apps {
		switch {
		case app.New && slices.Contains(r.Unserved, app.Name):
			say("%s: added, but it cannot be served yet", app.Name)
		case app.New:
			say("%s: added", app.Name)
		case app.Gone:
			say("%s: removed, what it was asked before is still answered", app.Name)
		}
		if len(app.AtOnce) > 0 {
			say("%s: changed in place: %s", app.Name, strings.Join(app.AtOnce, ", "))
		}
		if len(app.Restart) > 0 {
			say("%s: restarted, for %s", app.Name, strings.Join(app.Restart, ", "))
		}
	}
	for _, address := range r.Opened {
		say("listening on %s", address)
	}
	for _, address := range r.Closed {
		say("no longer listening on %s", address)
	}
	if len(d.AtOnce) > 0 {
		say("[server]: changed: %s", strings.Join(d.AtOnce, ", "))
	}
	if len(d.Pending) > 0 {
		say("[server]: needs a restart of purser: %s", strings.Join(d.Pending, ", "))
	}
	for _, app := range r.Kept {
		say("%s: not changed, it goes on with its configuration from before", app)
	}
	switch {
	case len(r.Kept) > 0 && d.None():
	case d.None():
		say("Nothing to change: purser goes by this configuration already.")
	case r.DryRun:
		say("This was a dry run: nothing is changed.")
	}
	return b.String()
}
