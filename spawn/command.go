package spawn

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"purser/conf"
)

// argv returns the program and arguments of a child. What depends on the release (a virtual
// environment, a Gemfile) is looked at in the release's folder, each time.
func (s *Spawner) argv(o Order, e *endpoint) ([]string, error) {
	argv, err := s.commandLine(o, e)
	return launched(s.app, argv, o.Path), err
}

// commandLine is argv before what interpreter and load_shell_env make of it.
func (s *Spawner) commandLine(o Order, e *endpoint) ([]string, error) {
	if !s.app.Command.IsZero() {
		return commandArgv(s.app.Command, o.Path, e)
	}
	if err := checkStartupFile(s.app, o.Path); err != nil {
		return nil, err
	}
	folder, err := s.folder.get()
	if err != nil {
		return nil, err
	}
	load := func(name string) string { return filepath.Join(folder, loaders, name) }
	switch s.app.Kind {
	case kindNode:
		return nodeArgv("node", load, s.app.StartupFile), nil
	case kindPython:
		if err := checkPython(s.app, o.Path); err != nil && s.app.Interpreter == "" {
			return nil, err
		}
		return s.pythonArgv(pythonOf(s.app, o.Path), load, s.app.StartupFile, e.socket), nil
	case kindRuby:
		return s.rubyArgv(load, s.app.StartupFile, e.socket), nil
	}
	return nil, fmt.Errorf("kind %q is not known; use Detect first", s.app.Kind)
}

// commandArgv puts the endpoint and the root into a written command.
func commandArgv(c conf.Command, root string, e *endpoint) ([]string, error) {
	values := []string{"{socket}", e.socket, "{port}", strconv.Itoa(e.port), "{root}", root}
	if c.Shell != "" {
		return shellArgv(c.Shell, values)
	}
	replacer := strings.NewReplacer(values...)
	argv := make([]string, len(c.Args))
	for i, arg := range c.Args {
		argv[i] = replacer.Replace(arg)
	}
	return argv, nil
}

var plainWord = regexp.MustCompile(`^[\w./:@%+=,-]*$`)

// shellArgv refuses a value that a shell would not take as it is: in whatever quotes the operator
// wrote around it, quoting it once more would be wrong somewhere.
func shellArgv(shell string, values []string) ([]string, error) {
	for i := 0; i < len(values); i += 2 {
		if name, value := values[i], values[i+1]; strings.Contains(shell, name) && !plainWord.MatchString(value) {
			return nil, fmt.Errorf("%s is %q, which a shell would not read as one word: "+
				"write the command as a list", name, value)
		}
	}
	return []string{"/bin/sh", "-c", execFirst(shell) + strings.NewReplacer(values...).Replace(shell)}, nil
}

// execFirst is "exec " before a command that is one program with its arguments, so that no shell stays
// above it. Before anything else, such as "exec app", "cd app && ./start" or "A=1 app", it would be an
// error.
func execFirst(shell string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(shell), " ")
	if strings.ContainsAny(shell, ";&|\n()") || strings.Contains(word, "=") || shellWords[word] {
		return ""
	}
	return "exec "
}

// shellWords are what a shell does itself, and cannot exec.
var shellWords = map[string]bool{
	"exec": true, "cd": true, "export": true, "set": true, "unset": true, "ulimit": true, "umask": true, "eval": true,
	".": true, "trap": true, "wait": true, "exit": true, "command": true, "readonly": true, ":": true,
	"{": true, "!": true, "if": true, "for": true, "while": true, "until": true, "case": true,
}
