package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/status"
)

type restartOptions struct {
	followOptions
	all, marked bool
	strategy    string
	canary      string
	reason      string
	part        conf.Amount // canary, read
}

func newRestart() *cobra.Command {
	o := restartOptions{}
	c := &cobra.Command{
		Use:     "restart APP|DIR... | --all | --marked",
		Short:   "Swap the processes of apps for new ones, and wait until that is done",
		GroupID: "restart",
		Long: "Restart apps, named by themselves or by the folder that is their root, and wait until it is done.\n" +
			"Exit code: 0 done, or stopped at its canary, 1 failed (the old code serves on), 3 superseded by a\n" +
			"newer restart, 4 timed out (the restart goes on), 5 no purser runs. More: purser help restarts",
		Example: "  purser restart blog\n  purser restart . --reason \"release 42\"\n  purser restart blog --canary 10%\n" +
			"  purser restart blog --strategy blue-green\n  purser restart --marked\n  purser restart --all --no-wait",
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			return o.restart(c, args)
		},
	}
	o.declare(c)
	f := c.Flags()
	f.BoolVar(&o.all, "all", false, "restart all apps, side by side")
	f.BoolVar(&o.marked, "marked", false, "restart what needs it: apps that were marked, or whose code on disk has changed")
	f.StringVar(&o.strategy, "strategy", "", "rolling, blocking or blue-green (default: the app's own)")
	f.StringVar(&o.canary, "canary", "", "stop at so many new processes, `N|P%`, until purser promote or purser rollback")
	f.StringVar(&o.reason, "reason", "", "`TEXT` for status and the log")
	complete(c, "strategy", conf.Strategies)
	return c
}

// complete offers the values of a flag to the shell.
func complete(c *cobra.Command, flag string, values []string) {
	offer := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic("BUG: " + err.Error())
	}
}

func (o *restartOptions) check(args []string) error {
	switch {
	case o.strategy != "" && !slices.Contains(conf.Strategies, o.strategy):
		return withCode(exitUsage, "there is no strategy %q; the strategies are %s", o.strategy, quotedList(conf.Strategies))
	case o.canary != "" && o.strategy != "" && o.strategy != pool.Rolling:
		return withCode(exitUsage, "--canary goes only with --strategy rolling, not with %s", o.strategy)
	case o.all && o.marked, (o.all || o.marked) && len(args) > 0:
		return withCode(exitUsage, "give either apps, --all or --marked, not two of them")
	case !o.all && !o.marked && len(args) == 0:
		return withCode(exitUsage, "restart needs an app or its folder, --all or --marked; see purser restart --help")
	case o.canary == "":
		return nil
	}
	part, err := conf.ParseAmount(o.canary)
	if err == nil && part == (conf.Amount{}) {
		err = fmt.Errorf("must be at least 1")
	}
	if err != nil {
		return withCode(exitUsage, "--canary %w", err)
	}
	o.part = part
	return nil
}

func (o *restartOptions) restart(c *cobra.Command, words []string) error {
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	apps, err := o.choose(c.Context(), client, words)
	if err != nil {
		return err
	}
	switch {
	case o.json:
	case o.marked && len(apps) == 0:
		fmt.Fprintln(c.OutOrStdout(), "Nothing needs a restart.")
	case len(apps) == 0:
		fmt.Fprintln(c.OutOrStdout(), "There is no app to restart.")
	}
	var actions []action
	for _, app := range apps {
		actions = append(actions, o.action(client, app))
	}
	return o.run(c.Context(), c, client, actions)
}

// choose returns the apps that the words mean, each once, or those that --all or --marked do.
func (o *restartOptions) choose(ctx context.Context, client *status.Client, words []string) ([]status.App, error) {
	d, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	var apps []status.App
	for _, app := range d.Apps {
		if o.all && app.Condition != pool.Stopped || o.marked && len(app.NeedsRestart) > 0 {
			apps = append(apps, app)
		}
	}
	chosen := map[string]bool{}
	for _, word := range words {
		app, err := find(word, d.Apps)
		if err != nil {
			return nil, err
		}
		if !chosen[app.Name] {
			apps = append(apps, app)
		}
		chosen[app.Name] = true
	}
	return apps, nil
}

func (o *restartOptions) action(client *status.Client, app status.App) action {
	e := action{app: app.Name, name: "restart", verb: "restarting to"}
	wanted := status.RestartOptions{Strategy: o.strategy, Reason: o.reason, Canary: o.part}
	if o.marked {
		if r := app.Restart; coversNeeds(app) {
			e.verb = "restarting already, to"
			e.ask = func(context.Context) (status.Accepted, error) {
				return status.Accepted{ID: r.ID, Generation: r.Generation}, nil
			}
			return e
		}
		wanted.Reason = cmp.Or(o.reason, whyMarked(app.NeedsRestart))
	}
	e.ask = func(ctx context.Context) (status.Accepted, error) { return client.Restart(ctx, app.Name, wanted) }
	return e
}

// coversNeeds reports whether the app is being restarted already, since after the last thing that it
// needs it for: several scripts that call restart --marked one after another are one restart.
func coversNeeds(app status.App) bool {
	r := app.Restart
	if r == nil || r.State != pool.RestartRunning && r.State != pool.RestartCanary || r.Strategy == pool.Rollback {
		return false
	}
	return !slices.ContainsFunc(app.NeedsRestart, func(n restart.Need) bool { return !n.Since.Before(r.Started) })
}

func whyMarked(needs []restart.Need) string {
	why := needs[0].Reason
	if more := len(needs) - 1; more > 0 {
		why += fmt.Sprintf(", and %d more", more)
	}
	return why
}
