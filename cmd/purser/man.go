package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan is for packages: test/deb/build calls it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write man pages of all commands and topics into a folder",
		Hidden: true,
		Args:   takes(1, 1, "a folder"),
		RunE: func(c *cobra.Command, args []string) error {
			for name, text := range manPages(c.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
					return withCode(exitFailed, "%w", err)
				}
			}
			return nil
		},
	}
}

// manPages are in man(7), by the names of their files: commands are in section 1, the manual's topics in 7.
func manPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	for _, c := range append(root.Commands(), root) {
		if !c.Hidden {
			name := manName(c)
			pages[name+".1"] = manOfCommand(name, c)
		}
	}
	for _, topic := range topics() {
		name := "purser-" + topic
		pages[name+".7"] = manOfTopic(name, topic)
	}
	return pages
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manHead(name, section, short string) string {
	return fmt.Sprintf(".TH %s %s \"\" \"purser %s\" \"Purser\"\n.SH NAME\n%s \\- %s\n", roff(strings.ToUpper(name)), section, release, roff(name), roff(short))
}

func manOfCommand(name string, c *cobra.Command) string {
	var b strings.Builder
	b.WriteString(manHead(name, "1", c.Short))
	b.WriteString(".SH SYNOPSIS\n" + asIs(c.UseLine()))
	if c.Long != "" {
		b.WriteString(".SH DESCRIPTION\n" + asIs(c.Long))
	}
	if c.HasAvailableFlags() {
		b.WriteString(".SH OPTIONS\n")
		c.Flags().VisitAll(func(f *pflag.Flag) { b.WriteString(manOfFlag(f)) })
	}
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(manName(sub)), roff(sub.Short))
			}
		}
		b.WriteString(".SH TOPICS\n")
		for _, topic := range topics() {
			fmt.Fprintf(&b, ".TP\n.BR %s (7)\n%s\n", roff("purser-"+topic), roff(title(topic)))
		}
	} else {
		b.WriteString(".SH SEE ALSO\n.BR purser (1)\n")
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + asIs(c.Example))
	}
	return b.String()
}

func manOfFlag(f *pflag.Flag) string {
	if f.Hidden {
		return ""
	}
	value, usage := pflag.UnquoteUsage(f)
	short := ""
	if f.Shorthand != "" {
		short = `\fB\-` + f.Shorthand + `\fR, `
	}
	return fmt.Sprintf(".TP\n%s\\fB%s\\fR %s\n%s\n", short, roff("--"+f.Name), roff(value), roff(usage))
}

// manOfTopic keeps the lines of a page as they are: 80 wide, so without the usual indentation.
func manOfTopic(name, topic string) string {
	text, err := manual.ReadFile("help/" + topic + ".md")
	if err != nil {
		panic("BUG: the manual has no " + topic + ": " + err.Error())
	}
	_, body, _ := strings.Cut(string(text), "\n")
	var b strings.Builder
	b.WriteString(manHead(name, "7", title(topic)))
	for i, part := range strings.Split(body, "\n## ") {
		heading := "DESCRIPTION"
		if i > 0 {
			heading, part, _ = strings.Cut(part, "\n")
		}
		fmt.Fprintf(&b, ".SH %s\n.in 0\n%s", roff(heading), asIs(strings.Trim(part, "\n")))
	}
	return b.String()
}

// asIs is text whose lines stay as they are.
func asIs(text string) string { return ".nf\n" + roff(text) + "\n.fi\n" }

// roff escapes text: a backslash, a line that would be a request, and a hyphen, which is to be copied as one.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
