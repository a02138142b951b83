package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/status"
)

func newStop() *cobra.Command {
	var timeout time.Duration
	var noWait bool
	c := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the running purser once it has answered what it accepted",
		GroupID: "act",
		Long:    "Stop the running purser: it accepts no more, finishes its requests, drains and stops its apps.\nReturns when it is gone.",
		Example: "  purser stop\n  purser stop --instance blog --timeout 2m",
		Args:    takes(0, 0, "no argument"),
	}
	target := addTarget(c)
	c.Flags().BoolVar(&noWait, "no-wait", false, "return at once")
	addTimeout(c, &timeout, 10*time.Minute, "wait no longer than `SPAN`; the stop goes on")
	c.RunE = func(c *cobra.Command, _ []string) error {
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
