package main

import (
	"context"

	"github.com/spf13/cobra"

	"purser/status"
)

func newRollback() *cobra.Command {
	var o pursuit
	var reason string
	c := &cobra.Command{
		Use:   "rollback APP|DIR",
		Short: "Go back to the last release that worked, and wait until that is done",
		Long: "Take the newest code of an app back: what worked before it serves again. Where processes of it are\n" +
			"still kept (restart.rollback_window), that takes no time; else they are started from its own folder.\n" +
			"A restart that runs, or waits at its canary, fails by it.\n" +
			"Exit code: 0 done, 1 failed or nothing to go back to, 4 timed out. More: purser help restarts",
		Example: "  purser rollback blog\n  purser rollback blog --reason \"checkout is broken\"",
		Args:    takes(1, 1, "one app"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.one(c, args[0], "rolling back to", func(ctx context.Context, client *status.Client, app string) (status.Accepted, error) {
				return client.Rollback(ctx, app, reason)
			})
		},
	}
	o.declare(c)
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for status and the log")
	return c
}

func newPromote() *cobra.Command {
	var o pursuit
	c := &cobra.Command{
		Use:   "promote APP|DIR",
		Short: "Let a restart go on that has stopped at its canary, and wait until that is done",
		Long: "Let a restart go on that was begun with --canary: the rest of the old processes is replaced, too.\n" +
			"Exit code: as that of purser restart, and 1 if no canary waits. More: purser help restarts",
		Example: "  purser restart blog --canary 10%\n  purser promote blog",
		Args:    takes(1, 1, "one app"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.one(c, args[0], "promoting", func(ctx context.Context, client *status.Client, app string) (status.Accepted, error) {
				return client.Promote(ctx, app)
			})
		},
	}
	o.declare(c)
	return c
}

// one sees an order through for the one app that a word means.
func (o *pursuit) one(c *cobra.Command, word, verb string, ask func(context.Context, *status.Client, string) (status.Accepted, error)) error {
	client, err := o.reach.client()
	if err != nil {
		return err
	}
	defer client.Close()
	app, err := findApp(c.Context(), client, word)
	if err != nil {
		return err
	}
	asked := func(ctx context.Context) (status.Accepted, error) { return ask(ctx, client, app.Name) }
	return o.run(c.Context(), c, client, []errand{{app.Name, verb, asked}})
}

// findApp returns the running app that a word means.
func findApp(ctx context.Context, client *status.Client, word string) (status.App, error) {
	d, err := client.Status(ctx)
	if err != nil {
		return status.App{}, err
	}
	return find(word, d.Apps)
}
