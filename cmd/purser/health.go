package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/status"
)

func newHealth() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:     "health [APP|DIR]",
		Short:   "Say by the exit code whether visitors are served",
		GroupID: "begin",
		Long: "Say by the exit code whether visitors are served, by the app or by all of them: 0 if they are, 1 if one is\n" +
			"not, or if no purser answers. For Docker's HEALTHCHECK and for monitoring.\n" +
			"An app that is resting is healthy: it starts with the next request. So is one whose new code fails, as\n" +
			"long as its old code serves, and one in maintenance or a pause. An app that was stopped is not, but only\n" +
			"if it is asked for by name.",
		Example: "  purser health\n  purser health blog && echo served",
		Args:    takes(0, 1, "one app"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	addTimeout(c, &timeout, 10*time.Second, "if purser takes longer than `SPAN` to answer, it is not healthy")
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeoutCause(c.Context(), timeout, fmt.Errorf("purser has not answered within %s", conf.Duration(timeout)))
		defer cancel()
		apps, err := asked(ctx, target, args)
		if err == nil {
			err = health(c, apps, len(args) > 0)
		}
		if err != nil && exitCode(err) != exitUsage {
			return coded{exitFailed, err}
		}
		return err
	}
	return c
}

// asked are the apps of the running purser that were asked about.
func asked(ctx context.Context, t *target, words []string) ([]status.App, error) {
	client, err := t.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	d, err := client.Status(ctx)
	if err != nil || len(words) == 0 {
		return d.Apps, err
	}
	app, err := find(words[0], d.Apps)
	return []status.App{app}, err
}

// health prints how the apps are. Its error is of those that do not serve.
func health(c *cobra.Command, apps []status.App, byName bool) error {
	ill := 0
	for _, app := range apps {
		line := fmt.Sprintf("%s: %s", app.Name, app.Condition)
		if !status.Healthy(app, byName) {
			ill++
			line += ", does not serve"
			if app.Hung != nil {
				line += fmt.Sprintf(": no process has answered since %s", app.Hung.Since.Format("2006-01-02 15:04:05 -0700"))
			}
			if app.Failure != nil && (app.Hung == nil || !app.OlderServe()) { // else what hangs is not what failed
				line += ": " + status.Printable(app.Failure.Reason)
			}
		}
		fmt.Fprintln(c.OutOrStdout(), line)
	}
	switch {
	case len(apps) == 0:
		fmt.Fprintln(c.OutOrStdout(), "no app is configured yet; purser status says where to write one")
		return nil
	case ill == 0:
		return nil
	case byName:
		return withCode(exitFailed, "%s does not serve; purser status %s says why", apps[0].Name, apps[0].Name)
	}
	of, do := "apps", "do"
	if len(apps) == 1 {
		of = "app"
	}
	if ill == 1 {
		do = "does"
	}
	return withCode(exitFailed, "%d of %d %s %s not serve; purser status says why", ill, len(apps), of, do)
}
