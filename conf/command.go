package conf

import (
	"errors"
	"fmt"
	"strings"
)

func command(v any) (Command, error) {
	switch v := v.(type) {
	case string:
		return Command{Shell: v}, nil
	case []any:
		args, err := texts(v)
		if err == nil && len(args) == 0 {
			err = errors.New("must name a program; leave it out for none")
		}
		return Command{Args: args}, err
	}
	return Command{}, fmt.Errorf("must be a string or a list of strings, not %s", described(v))
}

func formatCommand(c Command) string {
	if len(c.Args) > 0 {
		return quotedList(c.Args)
	}
	return quoted(c.Shell)
}

// check refuses what execve(2) could not be given.
func (c Command) check() error {
	switch {
	case c.Shell != "" && len(c.Args) > 0:
		return errors.New("is both a string and a list; write one of them")
	case len(c.Args) > 0 && c.Args[0] == "":
		return errors.New("must name a program first")
	case c.Shell != "" && strings.TrimSpace(c.Shell) == "":
		return errors.New("must name a program; leave it out for none")
	case strings.ContainsRune(c.Shell+strings.Join(c.Args, ""), 0):
		return errors.New("must not contain NUL")
	}
	return nil
}

// ParseEnv reads one NAME=VALUE, as flags give it.
func ParseEnv(s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return "", "", fmt.Errorf("must be NAME=VALUE, not %s", described(name))
	}
	return name, value, checkEnv(name, value)
}

func checkEnv(name, value string) error {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00") || !printable(name):
		return fmt.Errorf(`%s is no name of a variable: it must not be empty nor contain "="`, described(name))
	case strings.ContainsRune(value, 0):
		return errors.New("must not contain NUL")
	}
	return nil
}
