package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"purser/status"
)

func newDetach() *cobra.Command {
	c := &cobra.Command{
		Use:     "detach APP|DIR PID",
		Short:   "Replace one process, once its requests have ended",
		GroupID: "restart",
		Long: "Drain one process of an app: it gets no new request from now on, ends those that it has, and exits.\n" +
			"A worker gets its stop_signal, and has its stop_timeout. Another takes its place. Returns at once; purser status APP shows how far it is.",
		Example: "  purser status blog\n  purser detach blog 4711",
		Args:    takes(2, 2, "an app and a pid"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeProcesses
	c.RunE = func(c *cobra.Command, args []string) error {
		pid, err := strconv.Atoi(args[1])
		if err != nil || pid <= 0 {
			return withCode(exitUsage, "%q is no pid; purser status %s shows them", args[1], args[0])
		}
		return target.withApp(c, args[0], searchLimit, func(ctx context.Context, client *status.Client, app string) error {
			if err := client.Detach(ctx, app, pid); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: process %d ends once what it has is done, and is replaced.\n", app, pid)
			return nil
		})
	}
	return c
}

// completeProcesses offers the apps to the shell, and after one the pids of its processes.
func (t *target) completeProcesses(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return t.completeApps(c, args, word)
	}
	client, err := t.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer client.Close()
	app, err := findApp(c.Context(), client, args[0])
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return readyPIDs(app), cobra.ShellCompDirectiveNoFileComp
}

func readyPIDs(app status.App) []string {
	var pids []string
	for _, p := range app.Processes {
		if p.State == "ready" {
			pids = append(pids, fmt.Sprintf("%d\tgeneration %d", p.PID, p.Generation))
		}
	}
	for _, w := range app.Workers {
		for _, p := range w.Processes {
			if p.State != "stopping" {
				pids = append(pids, fmt.Sprintf("%d\tworker %s, generation %d", p.PID, w.Name, p.Generation))
			}
		}
	}
	return pids
}
