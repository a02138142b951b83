package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"purser/cmd/purser/show"
	"purser/status"
)

type historyOptions struct {
	target *target
	query  status.HistoryQuery
	json   bool
}

func newHistory() *cobra.Command {
	o := historyOptions{}
	c := &cobra.Command{
		Use:     "history [APP|DIR]",
		Short:   "Show what has happened: restarts, reloads, crashes; when, by whom, how it ended",
		GroupID: "begin",
		Long: "Show what has happened to the apps and to purser itself, the newest first: restarts, rollbacks, reloads,\n" +
			"starts, stops, crashes, failed starts. It is kept when purser restarts. An app that is no longer\n" +
			"configured can still be named. More: purser help status",
		Example: "  purser history\n  purser history blog -n 5\n  purser history --since 1h\n" +
			"  purser history --json -n 0 | jq -r '.history[] | select(.kind == \"crash\") | .app'",
		Args: takes(0, 1, "one app"),
	}
	o.target = addTarget(c)
	c.ValidArgsFunction = o.target.completeApps
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "as JSON")
	f.IntVarP(&o.query.Most, "number", "n", 20, "show the newest `N` entries; 0 shows all")
	f.DurationVar(&o.query.Since, "since", 0, "show only what is not older than `SPAN`, such as 1h")
	f.Lookup("since").DefValue = ""
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case o.query.Most < 0:
			return withCode(exitUsage, "--number must be a whole number from 0 on, not %d", o.query.Most)
		case c.Flags().Changed("since") && o.query.Since <= 0:
			return withCode(exitUsage, "--since must be a duration above 0, such as 1h")
		}
		if len(args) > 0 {
			o.query.App = args[0]
		}
		return o.show(c)
	}
	return c
}

func (o *historyOptions) show(c *cobra.Command) error {
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	a, err := o.fetch(c.Context(), client)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	switch {
	case o.json:
		return writeJSON(w, a)
	case len(a.History) == 0:
		_, err := fmt.Fprintln(w, "Nothing has happened, as far as is remembered.")
		return err
	}
	return status.WriteHistory(w, a.History, status.HistoryText{Now: time.Now(), Width: show.Width(w), Apps: o.query.App == "", Color: show.IsColorful(w)})
}

// fetch asks for the app that a word means: one that runs, else one of that name that there was.
func (o *historyOptions) fetch(ctx context.Context, client *status.Client) (a status.HistoryAnswer, err error) {
	if o.query.App == "" {
		return client.History(ctx, o.query)
	}
	q := o.query
	app, unknown := findApp(ctx, client, q.App)
	if unknown == nil {
		q.App = app.Name
	}
	a, err = client.History(ctx, q)
	if refusal, is := errors.AsType[*status.Error](err); is && refusal.Code == status.CodeNoApp && unknown != nil {
		return a, unknown
	}
	return a, err
}

func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
