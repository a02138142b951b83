package main

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed help/*.md
var manual embed.FS

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [TOPIC|COMMAND]",
		Short:   "Show a topic of the manual, or help about a command",
		Example: "  purser help\n  purser help restarts\n  purser help serve",
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
	if err := root.Help(); err != nil {
		return err
	}
	w := root.OutOrStdout()
	fmt.Fprintln(w, "\nTopics (purser help TOPIC):")
	for _, topic := range topics() {
		fmt.Fprintf(w, "  %-16s %s\n", topic, title(topic))
	}
	return nil
}

func helpOn(root *cobra.Command, args []string) error {
	text, err := manual.Open("help/" + path.Clean(args[0]) + ".md")
	if err == nil {
		defer text.Close()
		_, err = io.Copy(root.OutOrStdout(), text)
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

// topics are the names of the manual's pages.
func topics() []string {
	files, err := fs.Glob(manual, "help/*.md")
	if err != nil {
		panic("BUG: the pattern is malformed: " + err.Error())
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(path.Base(file), ".md")
	}
	return files
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
