package main

import (
	"context"

	"github.com/spf13/cobra"

	"purser/status"
)

func newPromote() *cobra.Command {
	var o followOptions
	c := &cobra.Command{
		Use:     "promote APP|DIR",
		Short:   "Let a restart go on that has stopped at its canary, and wait until that is done",
		GroupID: "restart",
		Long: "Let a restart go on that was begun with --canary: the rest of the old processes is replaced, too.\n" +
			"Exit code: as that of purser restart, and 1 if no canary waits. More: purser help restarts",
		Example: "  purser restart blog --canary 10%\n  purser promote blog",
		Args:    takes(1, 1, "one app"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.one(c, args[0], action{name: "restart", verb: "promoting"}, func(ctx context.Context, client *status.Client, app string) (status.Accepted, error) {
				return client.Promote(ctx, app)
			})
		},
	}
	o.declare(c)
	return c
}
