package main

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed help/*.md
var manual embed.FS

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [TOPIC|COMMAND]",
		Short:   "Show a topic of the manual, or help about a command",
		Example: "  purser help\n  purser help down\n  purser help serve",
		GroupID: "more",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return helpIndex(c.Root())
			}
			return helpOn(c.Root(), args)
		},
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return append(topics(), commandNames(c.Root())...), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func helpIndex(root *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Purser serves web apps. Ask purser COMMAND --help, or purser help TOPIC:\n")
	for _, group := range root.Groups() {
		var names []string
		for _, c := range root.Commands() {
			if c.GroupID == group.ID && !c.Hidden {
				names = append(names, c.Name())
			}
		}
		fmt.Fprintf(&b, "  %-26s %s\n", strings.Join(names, ", "), group.Title)
	}
	for _, topic := range topics() {
		fmt.Fprintf(&b, "  %-16s %s\n", topic, title(topic))
	}
	_, err := io.WriteString(root.OutOrStdout(), b.String())
	return err
}

// groups are the commands by what they are for, as the index shows them.
var groups = []*cobra.Group{
	{ID: "begin", Title: "start serving, see what runs"},
	{ID: "restart", Title: "what changes"},
	{ID: "act", Title: "what one app does"},
	{ID: "more", Title: "about purser itself"},
}

// aliases are other words for topics: what somebody has in mind who looks for help.
var aliases = map[string]string{
	"502": "down", "503": "down", "504": "down", "error-id": "down", "hung": "down",
	"log": "logs", "logging": "logs", "prometheus": "metrics", "unit": "systemd", "deb": "systemd", "debian": "systemd",
	"container": "docker", "dockerfile": "docker", "canary": "restarts", "canaries": "restarts", "nginx": "front", "accel": "front", "x-accel-redirect": "front", "sendfile": "front", "compression": "front", "gzip": "front", "cache": "front", "maintenance-mode": "front", "redirects": "front", "limits": "front", "access": "front", "htpasswd": "front", "fork": "preload", "preload_idle": "preload", "preload_refork": "preload", "refork": "preload",
	"hup": "reload", "include": "reload", "usr2": "upgrade", "binary": "upgrade",
	"detection": "kinds", "kind": "kinds", "passengerfile": "kinds", "passengerfile.json": "kinds", "procfile": "kinds", "meteor": "kinds", "interpreter": "kinds", "rbenv": "kinds", "nvm": "kinds",
	"https": "tls", "ssl": "tls", "certificates": "tls", "certbot": "tls", "acme": "tls", "letsencrypt": "tls",
}

func helpOn(root *cobra.Command, args []string) error {
	if topic := cmp.Or(aliases[args[0]], args[0]); slices.Contains(topics(), topic) {
		text, err := manual.ReadFile("help/" + topic + ".md")
		if err != nil {
			return err
		}
		_, err = root.OutOrStdout().Write(text)
		return err
	}
	command, _, err := root.Find(args)
	if err == nil && command != root {
		return command.Help()
	}
	known := append(topics(), commandNames(root)...)
	if near := nearest(args[0], known); near != "" {
		return withCode(exitUsage, "there is no help on %q; did you mean %q?", args[0], near)
	}
	return withCode(exitUsage, "there is no help on %q; the topics are %s", args[0], strings.Join(topics(), ", "))
}

// topics are the names of the manual's pages: the first ones to read first, then by name.
func topics() []string {
	files, err := fs.Glob(manual, "help/*.md")
	if err != nil {
		panic("BUG: the pattern is malformed: " + err.Error())
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(path.Base(file), ".md")
	}
	first := []string{"getting-started", "down", "restarts"}
	return append(first, slices.DeleteFunc(files, func(topic string) bool { return slices.Contains(first, topic) })...)
}

// title is the first line of a page.
func title(topic string) string {
	text, err := manual.ReadFile("help/" + topic + ".md")
	if err != nil {
		panic("BUG: the manual has no " + topic + ": " + err.Error())
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "# ")
}
