package main

import (
	"io"

	"github.com/spf13/cobra"

	"purser/cmd/purser/show"
	"purser/status"
)

func newLs() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "ls",
		Short:   "List the apps, a line each",
		GroupID: "begin",
		Long: "List the running apps by name, a line each. Reqs are the requests that are worked on or wait, Up is the\n" +
			"time since the last restart, and * stands for all hosts that no other app has. More: purser help status",
		Example: "  purser ls\n  purser ls --json | jq -r '.apps[] | select(.condition != \"up\") | .name'",
		Args:    takes(0, 0, "no argument"),
	}
	target := addTarget(c)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		client, err := target.client()
		if err != nil {
			return err
		}
		defer client.Close()
		d, err := client.Status(c.Context())
		if err != nil {
			return err
		}
		return writeLs(c.OutOrStdout(), d, asJSON)
	}
	return c
}

func writeLs(w io.Writer, d status.Document, asJSON bool) error {
	if asJSON {
		return writeJSON(w, map[string][]status.Line{"apps": status.Lines(d)})
	}
	return status.WriteLines(w, d, show.Width(w), show.IsColorful(w))
}
