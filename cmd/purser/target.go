package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"purser/status"
)

// tokenVariable holds the token of an admin API on TCP: on serve the one to ask for, elsewhere the
// one to show. There is no flag for it, since everybody on the machine may read command lines.
const tokenVariable = "PURSER_ADMIN_TOKEN"

// A target is how a command finds the running purser.
type target struct {
	admin, name string
	apps        []string // that the command is about, by name or folder
}

// addTarget declares the flags of a command that talks to the running purser.
func addTarget(c *cobra.Command) *target {
	t := &target{}
	c.Flags().StringVar(&t.admin, "admin", "", "admin `ADDR` of the running purser: a socket's path or host:port (default $PURSER_ADMIN, else the runtime folder is searched)")
	c.Flags().StringVar(&t.name, "instance", "", "`NAME` of the running purser, if there are several")
	c.PreRun = func(c *cobra.Command, args []string) {
		if t.apps = args; strings.HasSuffix(c.Use, " PID") {
			t.apps = args[:1]
		}
	}
	return t
}

// client returns a client of the running purser: the one named by a flag, else the one that
// $PURSER_ADMIN names, else the only one that runs or has the apps.
func (t *target) client() (*status.Client, error) {
	address, err := t.address()
	if err != nil {
		return nil, err
	}
	return status.NewClient(address, os.Getenv(tokenVariable)), nil
}

func (t *target) address() (string, error) {
	if t.admin != "" && t.name != "" {
		return "", withCode(exitUsage, "give either --admin or --instance, not both")
	}
	if t.admin != "" {
		return t.admin, nil
	}
	if t.name == "" && os.Getenv("PURSER_ADMIN") != "" {
		return os.Getenv("PURSER_ADMIN"), nil
	}
	return t.search(status.RuntimeDirs())
}

// search finds the running purser in some folders: the one that is named, the one that has the apps, or
// the only one; one of this user's own, in the first folder, before those of others.
func (t *target) search(dirs []string) (string, error) {
	if t.name != "" {
		if err := checkName(t.name); err != nil {
			return "", err
		}
	}
	live, others := t.running(dirs[:1]), t.running(dirs[1:])
	if having := t.having(slices.Concat(live, others)); len(having) > 0 {
		live = having
	} else if len(live) == 0 {
		live = others
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return "", several(live)
	case t.name != "":
		return filepath.Join(dirs[0], t.name+".sock"), nil // whoever calls it says that nobody answers
	}
	return "", withCode(exitUnreachable, "no purser of yours is running (%s has no socket that answers); start one with purser serve, or name it with --admin ADDR", strings.Join(dirs, ", "))
}

// running are the sockets of the running pursers that may be meant.
func (t *target) running(dirs []string) []string {
	if t.name != "" {
		return status.RunningAs(t.name, dirs...) // a name is no glob
	}
	return status.Running(dirs...)
}

// having are those of several pursers that have the apps that the command is about; none if it is about
// no app.
func (t *target) having(live []string) []string {
	if len(t.apps) == 0 || len(live) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(live), t.lacks)
}

// several says how to choose. Those of one name, of different users, are told apart by their sockets.
func several(live []string) error {
	var names []string
	for _, path := range live {
		names = append(names, status.SocketName(path))
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) < len(live) {
		return withCode(exitUsage, "several pursers are running (%s); choose one with --admin SOCKET", strings.Join(live, ", "))
	}
	return withCode(exitUsage, "several pursers are running (%s); choose one with --instance NAME", strings.Join(names, ", "))
}

// lacks reports whether a purser does not have all of the apps that the command is about.
func (t *target) lacks(socket string) bool {
	client := status.NewClient(socket, "")
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), searchLimit)
	defer cancel()
	d, err := client.Status(ctx)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(t.apps, func(word string) bool {
		_, err := find(word, d.Apps)
		return err != nil
	})
}

// searchLimit is how long one of several pursers may take to say which apps it has.
const searchLimit = 3 * time.Second

// checkName refuses a name of a purser that its socket could not have.
func checkName(name string) error {
	if name == "" || len(name) > 64 || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, unfitForName) {
		return withCode(exitUsage, "%q cannot name a purser; use up to 64 letters, digits and . _ -", name)
	}
	return nil
}

func unfitForName(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
}

// find returns the app that word means: its name, or the folder that is its root.
func find(word string, apps []status.App) (status.App, error) {
	if len(apps) == 0 {
		return status.App{}, withCode(exitUsage, "there is no app %q, as no app is configured yet; purser status says where to write one", word)
	}
	var names []string
	for _, app := range apps {
		if app.Name == word {
			return app, nil
		}
		names = append(names, app.Name)
	}
	if dir, err := os.Stat(word); err == nil && dir.IsDir() {
		for _, app := range apps {
			if root, err := os.Stat(app.Root); err == nil && os.SameFile(dir, root) {
				return app, nil
			}
		}
		return status.App{}, withCode(exitUsage, "no app has the folder %s as its root; the apps are %s", word, strings.Join(names, ", "))
	}
	if near := nearest(word, names); near != "" {
		return status.App{}, withCode(exitUsage, "there is no app %q; did you mean %q?", word, near)
	}
	return status.App{}, withCode(exitUsage, "there is no app and no folder %q; the apps are %s", word, strings.Join(names, ", "))
}

// findApp returns the running app that a word means.
func findApp(ctx context.Context, client *status.Client, word string) (status.App, error) {
	d, err := client.Status(ctx)
	if err != nil {
		return status.App{}, err
	}
	return find(word, d.Apps)
}

// completeApps offers the names of the running apps to the shell.
func (t *target) completeApps(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	client, err := t.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	defer client.Close()
	d, err := client.Status(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var names []string
	for _, app := range d.Apps {
		names = append(names, fmt.Sprintf("%s\t%s", app.Name, app.Condition))
	}
	return names, cobra.ShellCompDirectiveDefault
}
