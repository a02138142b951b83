package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"purser/cmd/purser/show"
	"purser/status"
)

// watchInterval is how often status --watch looks again.
const watchInterval = time.Second

type statusOptions struct {
	target            *target
	json, watch, full bool
	app               string // "" = all
}

func newStatus() *cobra.Command {
	o := statusOptions{}
	c := &cobra.Command{
		Use:     "status [APP|DIR]",
		Short:   "Show the running apps and their processes",
		GroupID: "begin",
		Long: "Show the running apps and their processes in the layout of passenger-status. Several apps get a line each;\n" +
			"name one, or use --full, to see their processes.\nWhat the lines mean: purser help status",
		Example: "  purser status\n  purser status blog --watch\n  purser status --json | jq '.apps[].condition'",
		Args:    takes(0, 1, "one app"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := refuseUnsupported(c, "xml"); err != nil {
				return err
			}
			if o.full && o.watch {
				return withCode(exitUsage, "--watch shows a list of the apps, or one app that is named; leave out --full")
			}
			if len(args) > 0 {
				o.app = args[0]
			}
			return o.show(c)
		},
	}
	o.target = addTarget(c)
	c.ValidArgsFunction = o.target.completeApps
	c.Flags().BoolVar(&o.json, "json", false, "as JSON; with --watch one document a line")
	c.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again every second until interrupted; on a terminal, on the whole of it")
	c.Flags().BoolVar(&o.full, "full", false, "show the processes of all apps")
	refuseLater(c.Flags(), "xml")
	return c
}

// show prints the status once, or until interrupted.
func (o *statusOptions) show(c *cobra.Command) error {
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	draw := o.print
	if out, ok := c.OutOrStdout().(*os.File); ok && o.watch && !o.json && show.IsTerminal(out) {
		screen := show.NewScreen(out)
		defer screen.Close()
		draw = func(_ io.Writer, d status.Document) error { return screen.Show(d) }
	}
	for {
		d, err := o.fetch(ctx, client)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := draw(c.OutOrStdout(), d); err != nil || !o.watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (o *statusOptions) fetch(ctx context.Context, client *status.Client) (status.Document, error) {
	d, err := client.Status(ctx)
	if err != nil || o.app == "" {
		return d, err
	}
	app, err := find(o.app, d.Apps)
	d.Apps = []status.App{app}
	d.Certificates = slices.DeleteFunc(d.Certificates, func(c status.Certificate) bool { return c.App != "" && c.App != app.Name })
	return d, err
}

func (o *statusOptions) print(w io.Writer, d status.Document) error {
	if o.json {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		if !o.watch {
			encoder.SetIndent("", "  ")
		}
		return encoder.Encode(d)
	}
	if len(d.Apps) > 1 && !o.full {
		return status.WriteList(w, d, show.IsColorful(w))
	}
	return status.WriteText(w, d, show.IsColorful(w))
}
