package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"purser/conf"
	"purser/spawn/keeper"
	"purser/status"
)

type upgradeOptions struct {
	target    *target
	json, try bool
	timeout   time.Duration
	what      status.UpgradeOptions
}

func newUpgrade() *cobra.Command {
	o := upgradeOptions{}
	c := &cobra.Command{
		Use:     "upgrade [PATH]",
		Short:   "Have another binary of purser serve, without a request lost and without a restart of an app",
		GroupID: "restart",
		Long: "Have the binary at PATH take the place of the running purser (default: the file that purser was started from, which a\n" +
			"package may have replaced). It first checks the configuration that runs; apps, their processes and restarts under way\n" +
			"go on as they are. What served before finishes its requests, then its WebSockets. If the new binary cannot serve,\n" +
			"nothing has happened. While two old ones still finish, a further upgrade waits.\n" +
			"Exit code: 0 done, 1 the upgrade failed and what served serves on, 2 the binary cannot be used or refuses the\n" +
			"configuration, 4 timed out, 5 no purser runs. More: purser help upgrade",
		Example: "  purser upgrade\n  purser upgrade /opt/purser/1.3/purser\n  purser upgrade --now --timeout 30s",
		Args:    takes(0, 1, "the path of a binary"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.try {
				return tryToServe(c)
			}
			return o.upgrade(c, args)
		},
	}
	o.target = addTarget(c)
	c.PreRun = nil // its argument is no app
	f := c.Flags()
	f.BoolVar(&o.what.Now, "now", false, "do not wait while two old ones finish: end the older of them, with what it has left")
	f.BoolVar(&o.json, "json", false, "print what came of it as JSON")
	f.BoolVar(&o.try, "try", false, "check whether this binary could serve; for purser itself")
	f.Lookup("try").Hidden = true
	addTimeout(c, &o.timeout, 10*time.Minute, "wait no longer than `SPAN`; an upgrade that has begun goes on")
	return c
}

// choose says in purser's runtime folder which binary root has chosen. What serves may be another user, whose word is not
// enough for that; the folder is root's.
func (o *upgradeOptions) choose() error {
	address, err := o.target.address()
	folder, is := strings.CutSuffix(address, ".sock")
	if err != nil || !is || o.what.Path == "" || os.Geteuid() != 0 {
		return err
	}
	if stat, err := os.Lstat(folder); err != nil || !stat.IsDir() || stat.Sys().(*syscall.Stat_t).Uid != 0 {
		return nil // that of a purser of another user, who may do as he likes
	}
	next := filepath.Join(folder, keeper.ChosenBinary)
	aside := fmt.Sprintf("%s.%d", next, os.Getpid()) // two may choose at once
	_ = os.Remove(aside)
	err = errors.Join(os.Symlink(o.what.Path, aside), os.Rename(aside, next))
	if err != nil {
		return withCode(exitFailed, "cannot choose the binary: %w", err)
	}
	return nil
}

func (o *upgradeOptions) upgrade(c *cobra.Command, args []string) (err error) {
	if len(args) > 0 {
		if o.what.Path, err = filepath.Abs(args[0]); err != nil {
			return asUsage(err)
		}
	}
	if err := o.choose(); err != nil {
		return err
	}
	client, err := o.target.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, release := signal.NotifyContext(c.Context(), os.Interrupt)
	defer release()
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, errTooLong)
	defer cancel()
	done, err := client.Upgrade(ctx, o.what)
	switch {
	case err != nil && context.Cause(ctx) == errTooLong:
		return withCode(exitTimeout, "purser has not been upgraded within %s; if it has begun it goes on, see purser history", conf.Duration(o.timeout))
	case err != nil && ctx.Err() != nil:
		return withCode(exitInterrupted, "interrupted; if the upgrade has begun it goes on, see purser history")
	case status.WasCut(err):
		return withCode(exitUnreachable, "purser ended the connection before it said what has come of the upgrade, see purser history")
	case isCode(err, status.CodeNotFound):
		return withCode(exitUsage, "the purser that runs knows no upgrade, as it is older than this command; restart it once, with systemctl restart purser or purser stop and purser serve")
	case err != nil:
		return err
	case o.json:
		return json.NewEncoder(c.OutOrStdout()).Encode(done)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "purser is upgraded from %s to %s.\n", done.From, done.To)
	return err
}
