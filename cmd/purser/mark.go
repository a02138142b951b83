package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"purser/restart"
	"purser/restart/disk"
)

func newMark() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:     "mark APP|DIR",
		Short:   "Note that an app needs a restart, without restarting it",
		GroupID: "restart",
		Long: "Note that an app needs a restart. It costs nothing, so that the script of every package may do it:\n" +
			"purser restart --marked restarts each app once, however often it was marked. The note is a file in\n" +
			"tmp/needs-restart.d of the app's root, so it outlives purser; given a folder, no purser has to run.",
		Example: "  purser mark blog --reason \"openssl was upgraded\"\n  purser mark /var/www/blog/current --reason \"libvips 8.16\"\n  purser restart --marked",
		Args:    takes(1, 1, "one app, or its folder"),
	}
	target := addTarget(c)
	c.ValidArgsFunction = target.completeApps
	c.Flags().StringVar(&reason, "reason", "", "`TEXT` for status: what has changed")
	c.RunE = func(c *cobra.Command, args []string) error {
		app, err := markRunning(c.Context(), target, args[0], reason)
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "%s is marked; purser restart --marked restarts it.\n", app)
			return nil
		}
		folder, known := folderOf(args[0])
		if app != "" || !known {
			return err
		}
		if err := restart.WriteMark(disk.Own, folder, reason); err != nil {
			return withCode(exitFailed, "%w", err)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is marked, in its tmp; no purser that was reached serves it.\n", folder)
		return nil
	}
	return c
}

// markRunning marks an app of the running purser. It returns the app's name, unless there is no such
// app or no such purser.
func markRunning(ctx context.Context, target *target, word, reason string) (name string, err error) {
	client, err := target.client()
	if err != nil {
		return "", err
	}
	defer client.Close()
	app, err := findApp(ctx, client, word)
	if err != nil {
		return "", err
	}
	return app.Name, client.Mark(ctx, app.Name, reason)
}

// folderOf returns the folder that a word names, if it does.
func folderOf(word string) (path string, ok bool) {
	if stat, err := os.Stat(word); err != nil || !stat.IsDir() {
		return "", false
	}
	path, err := filepath.Abs(word)
	return path, err == nil
}
