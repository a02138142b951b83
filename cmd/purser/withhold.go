package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"purser/status"
)

// answerTime is how long is waited for a reload that is under way.
const answerTime = 10 * time.Minute

func newMaintenance() *cobra.Command {
	c := &cobra.Command{
		Use:     "maintenance APP|DIR on|off",
		Short:   "Show visitors a page in place of an app, or serve them again",
		GroupID: "act",
		Long: "Have visitors of an app be answered 503 with a page, while the app runs on. What they have asked before is still\n" +
			"answered. It holds over a reload, an upgrade and a restart of purser. The file tmp/maintenance.txt in the app's\n" +
			"folder does the same for as long as it is there. The page, and who is served meanwhile: purser help config",
		Example: "  purser maintenance blog on\n  purser maintenance blog off",
		Args:    takes(2, 2, "an app and on or off"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.RunE = func(c *cobra.Command, args []string) error {
		on := args[1] == "on"
		if !on && args[1] != "off" {
			return withCode(exitUsage, "maintenance is on or off, not %q", args[1])
		}
		return target.withApp(c, args[0], answerTime, func(ctx context.Context, client *status.Client, app string) error {
			if err := client.MaintainApp(ctx, app, on); err != nil {
				return err
			}
			says := "%s serves its visitors again.\n"
			if on {
				says = "%[1]s is in maintenance; purser maintenance %[1]s off has it serve again.\n"
			}
			fmt.Fprintf(c.OutOrStdout(), says, app)
			return nil
		})
	}
	return c
}

func newPause() *cobra.Command {
	return onApp("pause", "Have requests for an app wait until it is resumed",
		"Have requests for an app wait in its queue. What its processes have is answered, and restarts go on: so code or a\n"+
			"database can be changed without an error to visitors. The queue is bounded as ever: what waits for longer than\n"+
			"queue_timeout, or finds max_queue others, gets 503. It holds over a reload, an upgrade and a restart of purser.",
		(*status.Client).PauseApp, "%[1]s pauses; purser resume %[1]s has it go on.\n")
}

func newResume() *cobra.Command {
	return onApp("resume", "End a pause: what waits is served", "End the pause of an app. What waits is served, the first first.",
		(*status.Client).ResumeApp, "%s goes on.\n")
}

// onApp is a command that does something to one app at once, and says that it is done.
func onApp(name, short, long string, do func(*status.Client, context.Context, string) error, says string) *cobra.Command {
	c := &cobra.Command{
		Use: name + " APP|DIR", Short: short, Long: long, GroupID: "act", Example: "  purser " + name + " blog",
		Args: takes(1, 1, "one app"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.RunE = func(c *cobra.Command, args []string) error {
		return target.withApp(c, args[0], answerTime, func(ctx context.Context, client *status.Client, app string) error {
			if err := do(client, ctx, app); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), says, app)
			return nil
		})
	}
	return c
}
