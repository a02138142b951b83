package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"purser/status"
)

func newPurge() *cobra.Command {
	c := &cobra.Command{
		Use:     "purge APP|DIR [PATH]",
		Short:   "Forget answers that are kept of an app",
		GroupID: "act",
		Long: "Forget the answers in the cache of an app, and those that are on their way to it: all, or those of a path. A path\n" +
			"without a query means all its queries; one that ends in * all that begin so. Who asks next is answered by the app.",
		Example: "  purser purge blog\n  purser purge blog /news\n  purser purge blog '/news/*'",
		Args:    takes(1, 2, "an app, and perhaps a path"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.RunE = func(c *cobra.Command, args []string) error {
		path := ""
		if len(args) > 1 {
			path = args[1]
		}
		return target.withApp(c, args[0], searchLimit, func(ctx context.Context, client *status.Client, app string) error {
			pages, err := client.Purge(ctx, app, path)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: pages forgotten: %d\n", app, pages)
			return nil
		})
	}
	return c
}
