package spawn

import (
	"slices"
	"strings"

	"purser/conf"
)

// CheckProgram says why a command of an app cannot be run, as far as that can be told without running it:
// the program that it begins with is not there, or may not be run.
func CheckProgram(app conf.App, c conf.Command) error {
	program := programOf(c)
	if program == "" {
		return nil
	}
	_, err := lookPath(strings.ReplaceAll(program, "{root}", app.Root), searchPath(app), app.Root)
	return err
}

// byShell are what a shell does itself, or looks further for.
var byShell = []string{".", ":", "[", "cd", "command", "echo", "eval", "exit", "export", "false", "for", "if", "kill", "printf", "read",
	"set", "source", "test", "trap", "true", "type", "ulimit", "umask", "unset", "until", "wait", "while", "case", "exec", "!"}

// programOf is the program that a command begins with, "" if only a shell could tell.
func programOf(c conf.Command) string {
	if len(c.Args) > 0 {
		return c.Args[0]
	}
	for _, word := range strings.Fields(c.Shell) {
		switch name, _, assigns := strings.Cut(word, "="); {
		case word == "exec" || assigns && plainWord.MatchString(name) && !strings.Contains(name, "/"):
			continue // FOO=1 program
		case !plainWord.MatchString(strings.ReplaceAll(word, "{root}", "")) || slices.Contains(byShell, word):
			return ""
		}
		return word
	}
	return ""
}
