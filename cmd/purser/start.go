package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/status"
)

func newStart() *cobra.Command {
	var timeout time.Duration
	var noWait bool
	c := &cobra.Command{
		Use:     "start APP|DIR",
		Short:   "Start an app that purser stop has stopped",
		GroupID: "act",
		Long:    "Start an app that purser stop APP has stopped, with the newest code, or the one before if that was taken back.\nReturns when it serves.\nExit code: 0 it serves, 1 it does not start, 4 timed out, 5 no purser runs.",
		Example: "  purser start blog",
		Args:    takes(1, 1, "one app"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.Flags().BoolVar(&noWait, "no-wait", false, "return once it has begun")
	addTimeout(c, &timeout, 10*time.Minute, "wait no longer than `SPAN`; the start goes on")
	c.RunE = func(c *cobra.Command, args []string) error {
		return target.withApp(c, args[0], timeout, func(ctx context.Context, client *status.Client, app string) error {
			if err := client.StartApp(ctx, app); err != nil || noWait {
				return err
			}
			if err := awaitStart(ctx, client, app); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s serves.\n", app)
			return nil
		})
	}
	return c
}

func newScale() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use:     "scale APP|DIR N",
		Short:   "Give an app so many processes, at once",
		GroupID: "act",
		Long: "Give an app exactly N processes, as its min_processes and max_processes. Others are started, or end when they have\n" +
			"answered. It holds over a restart of purser, until the configuration has other numbers than now.\n" +
			"Workers stay as they are: their count is in the configuration.",
		Example: "  purser scale blog 8",
		Args:    takes(2, 2, "an app and a number"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	addTimeout(c, &timeout, 10*time.Minute, "wait no longer than `SPAN` for a reload that is under way; it is scaled then")
	c.RunE = func(c *cobra.Command, args []string) error {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return withCode(exitUsage, "scale needs a number of processes from 1, not %q; to have none: purser stop %s", args[1], args[0])
		}
		return target.withApp(c, args[0], timeout, func(ctx context.Context, client *status.Client, app string) error {
			if err := client.ScaleApp(ctx, app, n); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s gets %s.\n", app, status.Counted(n, "process", "processes"))
			return nil
		})
	}
	return c
}

// withApp does something about the one app that a word means.
func (t *target) withApp(c *cobra.Command, word string, limit time.Duration, do func(context.Context, *status.Client, string) error) error {
	t.apps = []string{word}
	client, err := t.client()
	if err != nil {
		return err
	}
	defer client.Close()
	late := withCode(exitTimeout, "purser has not answered within %s; what was asked for may be done yet, see purser status %s", conf.Duration(limit), word)
	ctx, cancel := context.WithTimeoutCause(c.Context(), limit, late)
	defer cancel()
	app, err := findApp(ctx, client, word)
	if err != nil {
		return err
	}
	return do(ctx, client, app.Name)
}

// awaitApp looks at an app until it is as wanted. Late says what it has not done by the end of ctx.
func awaitApp(ctx context.Context, client *status.Client, name, late string, wanted func(status.App) (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		app, err := client.App(ctx, name)
		switch {
		case ctx.Err() != nil:
			return withCode(exitTimeout, "%s %s, see purser status %s", name, late, name)
		case err != nil:
			return err
		}
		if done, err := wanted(app); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
