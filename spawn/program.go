package spawn

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"purser/conf"
)

// CheckProgram says why a command of an app cannot be run, as far as that can be told without running it:
// the program that it begins with is not there, or may not be run.
func CheckProgram(app conf.App, c conf.Command) error {
	program := programOf(c)
	if program == "" {
		return nil
	}
	_, err := lookPath(app, strings.ReplaceAll(program, "{root}", app.Root), app.Root)
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

// cannotRun says why the kernel has not run a program that is there and may be run. Its own words for that are
// those of a file that is missing.
func cannotRun(app conf.App, program, dir string, err error) error {
	if isAnothers(app) {
		return cannotRunAs(app.RunsAs, program, dir, err)
	}
	return cannotExec(program, err)
}

// cannotRunAs adds what an app's user has to do with it.
func cannotRunAs(a *conf.Account, program, dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("cannot run %s as user %s: this purser may not change the user, as in a container without that right (CAP_SETUID, CAP_SETGID): %w", program, a.User, err)
	case !errors.Is(err, syscall.EACCES):
		return cannotExec(program, err)
	}
	way := []string{dir, filepath.Dir(program)}
	for _, file := range []string{program, interpreterOf(program)} {
		if real, err := filepath.EvalSymlinks(file); err == nil && filepath.IsAbs(real) {
			way = append(way, filepath.Dir(real))
		}
	}
	for _, path := range way {
		if closed := closedTo(a, path); closed != nil {
			return closed
		}
	}
	return fmt.Errorf("cannot run %s as user %s: %w", program, a.User, err)
}

func cannotExec(program string, err error) error {
	interpreter := interpreterOf(program)
	switch {
	case errors.Is(err, syscall.ENOENT) && interpreter != "":
		return fmt.Errorf("%s names an interpreter in its first line, %q, that is not there", program, interpreter)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%s was built for a system with other libraries: its loader is not there", program)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%s is not a program for this machine; a script has to begin with a line such as #!/bin/sh", program)
	}
	return fmt.Errorf("cannot run %s: %w", program, err)
}

// interpreterOf returns what a script names behind #!, or "".
func interpreterOf(program string) string {
	file, err := os.OpenFile(program, os.O_RDONLY|syscall.O_NONBLOCK, 0) // by now it may be a pipe that nobody writes to
	if err != nil {
		return ""
	}
	defer file.Close()
	if stat, err := file.Stat(); err != nil || !stat.Mode().IsRegular() {
		return ""
	}
	first, _ := bufio.NewReaderSize(file, 256).ReadSlice('\n') // the kernel reads no more of it either
	rest, isScript := strings.CutPrefix(string(first), "#!")
	if !isScript {
		return ""
	}
	return strings.Trim(rest, " \t\n")
}
