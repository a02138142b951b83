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

// A reach is how a command finds the running purser.
type reach struct {
	admin, name string
	apps        []string // that the command is about, by name or folder
}

// addReach declares the flags of a command that talks to the running purser.
func addReach(c *cobra.Command) *reach {
	r := &reach{}
	c.Flags().StringVar(&r.admin, "admin", "", "admin `ADDR` of the running purser: a socket's path or host:port (default $PURSER_ADMIN, else the runtime folder is searched)")
	c.Flags().StringVar(&r.name, "instance", "", "`NAME` of the running purser, if there are several")
	c.PreRun = func(c *cobra.Command, args []string) {
		if r.apps = args; strings.HasSuffix(c.Use, " PID") {
			r.apps = args[:1]
		}
	}
	return r
}

// client returns a client of the running purser: the one named by a flag, else the one that
// $PURSER_ADMIN names, else the only one that runs or has the apps.
func (r *reach) client() (*status.Client, error) {
	address, err := r.address()
	if err != nil {
		return nil, err
	}
	return status.NewClient(address, os.Getenv(tokenVariable)), nil
}

func (r *reach) address() (string, error) {
	if r.admin != "" && r.name != "" {
		return "", withCode(exitUsage, "give either --admin or --instance, not both")
	}
	if r.admin != "" {
		return r.admin, nil
	}
	if r.name == "" && os.Getenv("PURSER_ADMIN") != "" {
		return os.Getenv("PURSER_ADMIN"), nil
	}
	return r.search(status.RuntimeDirs())
}

// search finds the running purser in some folders: the one that is named, the one that has the apps, or
// the only one; one of this user's own, in the first folder, before those of others.
func (r *reach) search(dirs []string) (string, error) {
	if r.name != "" {
		if err := checkName(r.name); err != nil {
			return "", err
		}
	}
	live, others := r.running(dirs[:1]), r.running(dirs[1:])
	if having := r.having(slices.Concat(live, others)); len(having) > 0 {
		live = having
	} else if len(live) == 0 {
		live = others
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return "", several(live)
	case r.name != "":
		return filepath.Join(dirs[0], r.name+".sock"), nil // whoever calls it says that nobody answers
	}
	return "", withCode(exitUnreachable, "no purser of yours is running (%s has no socket that answers); start one with purser serve, or name it with --admin ADDR", strings.Join(dirs, ", "))
}

// running are the sockets of the running pursers that may be meant.
func (r *reach) running(dirs []string) []string {
	return slices.DeleteFunc(status.Running(dirs...), func(path string) bool { return r.name != "" && status.SocketName(path) != r.name })
}

// having are those of several pursers that have the apps that the command is about; none if it is about
// no app.
func (r *reach) having(live []string) []string {
	if len(r.apps) == 0 || len(live) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(live), r.lacks)
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
func (r *reach) lacks(socket string) bool {
	client := status.NewClient(socket, "")
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), searchLimit)
	defer cancel()
	d, err := client.Status(ctx)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(r.apps, func(word string) bool {
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

// completeApps offers the names of the running apps to the shell.
func (r *reach) completeApps(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	client, err := r.client()
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
