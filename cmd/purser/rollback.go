package main

import (
	"context"

	"github.com/spf13/cobra"

	"purser/pool"
	"purser/status"
)

func newRollback() *cobra.Command {
	var o followOptions
	var reason string
	c := &cobra.Command{
		Use:     "rollback APP|DIR",
		Short:   "Go back to the last release that worked, and wait until that is done",
		GroupID: "restart",
		Long: "Take the newest code of an app back: what worked before it serves again. Where processes of it are\n" +
			"still kept (restart.rollback_window), that takes no time; else they are started from its own folder.\n" +
			"A restart that runs, or waits at its canary, ends as failed.\n" +
			"Exit code: 0 done, 1 failed or nothing to go back to, 4 timed out. More: purser help restarts",
		Example: "  purser rollback blog\n  purser rollback blog --reason \"checkout is broken\"",
		Args:    takes(1, 1, "one app"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.one(c, args[0], action{name: pool.Rollback, verb: "rolling back to"}, func(ctx context.Context, client *status.Client, app string) (status.Accepted, error) {
				return client.Rollback(ctx, app, reason)
			})
		},
	}
	o.declare(c)
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for status and the log")
	return c
}
