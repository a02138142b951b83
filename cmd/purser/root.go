package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"purser/conf"
)

// newRoot returns the whole command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "purser",
		Short:         "Serve web apps, and restart them without a visitor noticing",
		Example:       "  purser demo\n  purser serve ./blog --listen :8080\n  purser restart blog",
		SilenceUsage:  true, // an error is one sentence that says what to do
		SilenceErrors: true, // run writes them
		Args:          refuseCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return helpIndex(c) },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(refuseFlag)
	root.AddGroup(groups...)
	root.SetHelpCommand(newHelp())
	ofCommand := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c == root {
			_ = helpIndex(root) // who does not read help misses nothing
			return
		}
		ofCommand(c, args)
	})
	root.AddCommand(newDemo(), newDemoApp(), newServe(), newStatus(), newLs(), newHistory(), newHealth(), newRestart(), newRollback(),
		newPromote(), newMark(), newDetach(), newPurge(), newStop(), newStart(), newScale(), newMaintenance(), newPause(), newResume(), newReload(), newUpgrade(), newCheck(), newInstall(), newUninstall(),
		newVersion(), newCompletion(), newMan())
	root.AddCommand(unsupported()...)
	return root
}

// unsupported are the commands that are promised and not yet built. They are refused, so that
// nobody believes that something was done.
func unsupported() []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range []string{"logs", "requests", "why", "convert"} {
		commands = append(commands, &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return withCode(exitUsage, "%q is not supported yet; see purser --help for what is", name)
			},
		})
	}
	return commands
}

// refuseLater declares a flag that is promised and not yet built; refuseUnsupported refuses it.
func refuseLater(flags *pflag.FlagSet, name string) {
	flags.Bool(name, false, "not supported yet")
	flags.Lookup(name).Hidden = true
}

// refuseUnsupported complains about the first of the flags that was given.
func refuseUnsupported(c *cobra.Command, names ...string) error {
	for _, name := range names {
		if c.Flags().Changed(name) {
			return withCode(exitUsage, "--%s is not supported yet; see purser %s --help for what is", name, c.Name())
		}
	}
	return nil
}

// refuseCommand is what root makes of arguments that name no command.
func refuseCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := nearest(args[0], commandNames(root)); near != "" {
		return withCode(exitUsage, "there is no command %q; did you mean %q?", args[0], near)
	}
	return withCode(exitUsage, "there is no command %q; see purser --help", args[0])
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// refuseFlag says what is wrong with a flag, and which one was probably meant.
func refuseFlag(c *cobra.Command, err error) error {
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := wrong.GetFlag()
		return withCode(exitUsage, "--%s must be %s, not %q; see %s --help", f.Name, formOf(f), wrong.GetValue(), c.CommandPath())
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return withCode(exitUsage, "%w; see %s --help", err, c.CommandPath())
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
		return withCode(exitUsage, "%w; did you mean --%s?", err, near)
	}
	return withCode(exitUsage, "%w; see %s --help", err, c.CommandPath())
}

// addTimeout declares --timeout, whose default is shown as people write it.
func addTimeout(c *cobra.Command, to *time.Duration, usual time.Duration, usage string) {
	c.Flags().DurationVar(to, "timeout", usual, usage)
	c.Flags().Lookup("timeout").DefValue = conf.Duration(usual)
}

// formOf says how the values of a flag look.
func formOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "duration":
		return `a duration such as "90s" or "5m"`
	case "int":
		return "a whole number"
	}
	return "true or false"
}

// takes refuses fewer arguments than least or more than most; what names one of them for people.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return withCode(exitUsage, "%s needs %s; see %s --help", c.Name(), what, c.CommandPath())
		case len(args) > most && most == 0:
			return withCode(exitUsage, "%s takes no arguments, not %q", c.Name(), strings.Join(args, " "))
		case len(args) > most:
			return withCode(exitUsage, "%s takes only %s; %q is too much", c.Name(), what, args[most])
		}
		return nil
	}
}

// nearest is the allowed word that was probably meant, "" if there is none. It asks cobra, which
// knows that of commands: up to two wrong letters, or a beginning.
func nearest(word string, allowed []string) string {
	words := cobra.Command{SuggestionsMinimumDistance: 2}
	for _, a := range allowed {
		words.AddCommand(&cobra.Command{Use: a, Run: func(*cobra.Command, []string) {}})
	}
	if near := words.SuggestionsFor(word); len(near) > 0 {
		return slices.MinFunc(near, func(a, b string) int { return distance(len(a)-len(word)) - distance(len(b)-len(word)) })
	}
	return ""
}

// distance is how much longer or shorter a word is.
func distance(letters int) int { return max(letters, -letters) }

// quotedList is `"a", "b"`.
func quotedList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(quoted, ", ")
}
