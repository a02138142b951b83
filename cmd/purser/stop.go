package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/pool"
	"purser/status"
)

func newStop() *cobra.Command {
	var timeout time.Duration
	var noWait bool
	c := &cobra.Command{
		Use:     "stop [APP|DIR]",
		Short:   "Stop one app, or all of purser, once it has answered what it accepted",
		GroupID: "act",
		Long: "Stop the running purser: it accepts no more, finishes its requests, drains and stops its apps.\n" +
			"With APP, stop that app alone: its visitors get 503 until purser start APP, also after a restart of purser.\n" +
			"Returns when it is gone.",
		Example: "  purser stop\n  purser stop --instance blog --timeout 2m\n  purser stop blog",
		Args:    takes(0, 1, "one app"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.Flags().BoolVar(&noWait, "no-wait", false, "return at once")
	addTimeout(c, &timeout, 10*time.Minute, "wait no longer than `SPAN`; the stop goes on")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return target.withApp(c, args[0], timeout, func(ctx context.Context, client *status.Client, app string) error {
				return stopApp(ctx, c, client, app, noWait)
			})
		}
		client, err := target.client()
		if err != nil {
			return err
		}
		defer client.Close()
		if err := client.Stop(c.Context()); err != nil || noWait {
			return err
		}
		ctx, cancel := context.WithTimeout(c.Context(), timeout)
		defer cancel()
		if err := waitGone(ctx, client); err != nil {
			return withCode(exitTimeout, "purser has not ended within %s; it goes on stopping", conf.Duration(timeout))
		}
		fmt.Fprintln(c.OutOrStdout(), "purser has stopped.")
		return nil
	}
	return c
}

// stopApp stops one app, and returns when nothing of it lives.
func stopApp(ctx context.Context, c *cobra.Command, client *status.Client, name string, noWait bool) error {
	if err := client.StopApp(ctx, name); err != nil || noWait {
		return err
	}
	err := awaitApp(ctx, client, name, "has not ended in time; it goes on stopping", func(app status.App) (bool, error) {
		return app.Condition == pool.Stopped, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s has stopped; purser start %s starts it again.\n", name, name)
	return nil
}

// waitGone returns once nobody answers any more, which is the last thing that a purser does.
func waitGone(ctx context.Context, client *status.Client) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := client.Alive(ctx); errors.Is(err, status.ErrUnreachable) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
