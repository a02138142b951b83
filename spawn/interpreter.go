package spawn

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"purser/conf"
	"purser/spawn/kind"
)

// launched is a command line as it is run: by the interpreter that is written, and through a login shell if that is
// wanted. It is the same for a process and for a template, in which release is a slot.
func launched(app conf.App, argv []string, release string) []string {
	if interpreter := interpreterIn(app, release); interpreter != "" && len(argv) > 0 {
		argv = slices.Clone(argv)
		if app.Kind == kindRuby && argv[0] != "ruby" {
			argv = append([]string{interpreter, "-S"}, argv...) // a program of Ruby: -S looks for it in PATH
		}
		argv[0] = interpreter
	}
	return throughShell(app, argv)
}

// throughShell is a command line as a login shell runs it, if that is wanted.
func throughShell(app conf.App, argv []string) []string {
	if shell := shellOf(app); app.LoadShellEnv && isLoginShell(shell) && len(argv) > 0 {
		argv = append([]string{shell, "-l", "-c", `exec "$0" "$@"`}, argv...)
	}
	return argv
}

// interpreterIn is the interpreter that is written, "" if none is.
func interpreterIn(app conf.App, release string) string {
	switch interpreter := app.Interpreter; {
	case interpreter == "" || !app.Command.IsZero():
		return ""
	case strings.Contains(interpreter, "/") && !filepath.IsAbs(interpreter):
		return release + "/" + filepath.Clean(interpreter)
	default:
		return interpreter
	}
}

func shellOf(app conf.App) string { return accountFor(app)["SHELL"] }

// isLoginShell reports whether a shell takes -l, and words behind a command, as sh does.
func isLoginShell(shell string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"}, filepath.Base(shell))
}

// beside fills in what lies beside the app's own files: the folders of the version manager that the app asks for, and
// what its environment lacks.
func beside(app conf.App) conf.App {
	home := homeOf(app)
	app.Found.Path = programsOf(app, home)
	notes := slices.Clone(app.Found.Notes)
	if app.Kind == kindNode {
		handed := handedOn(app)
		set := func(name string) bool { return app.Env[name] != "" || handed[name] != "" }
		for _, name := range kind.MissingOfMeteor(app.Root, set) {
			notes = append(notes, fmt.Sprintf("a Meteor bundle needs %s: set it in env", name))
		}
	}
	if shell := loginShellOf(app); app.LoadShellEnv && !isLoginShell(shell) {
		notes = append(notes, fmt.Sprintf("load_shell_env does nothing: %s is not a shell that purser can start the app through (sh, bash, dash, ash, ksh or zsh)", shell))
	}
	app.Found.Notes = notes
	return app
}

// loginShellOf is the shell of the user that an app is to run as.
func loginShellOf(app conf.App) string {
	if user := looker(app); os.Getuid() == 0 && user.UID != 0 {
		return cmp.Or(loginShell(int(user.UID)), "/bin/sh")
	}
	return account()["SHELL"]
}

// homeOf is the home of the user that an app is to run as, "" if that is not known yet.
func homeOf(app conf.App) string {
	if os.Getuid() != 0 { // the real one: with whose eyes root looks is another matter
		return account()["HOME"]
	}
	user := looker(app)
	if user.UID == 0 && app.User == "" {
		return ""
	}
	account, err := accountOf(strconv.Itoa(int(user.UID)))
	if err != nil {
		return ""
	}
	return account.Home
}

// programsOf are the folders that come first in the app's PATH: that of the interpreter that is written, and those of
// version managers.
func programsOf(app conf.App, home string) (folders []string) {
	if filepath.IsAbs(app.Interpreter) && app.Command.IsZero() {
		folders = append(folders, filepath.Dir(app.Interpreter))
	}
	return append(folders, versionFolders(app.Root, home)...)
}

func checkInterpreter(app conf.App) error {
	if !app.Command.IsZero() && app.Kind != kindNode {
		return nil
	}
	var err error
	if name := interpreterIn(app, app.Root); name == "" && app.Kind == kindPython {
		err = checkPython(app, app.Root)
	} else {
		_, err = lookPath(app, cmp.Or(name, map[string]string{kindRuby: "ruby", kindNode: "node"}[app.Kind]), app.Root)
	}
	if _, missing := errors.AsType[*missingProgram](err); missing && app.Interpreter == "" {
		return fmt.Errorf("%s is a %s app, and %w", app.Found.Why, app.Kind, &missingInterpreter{err, app.Kind})
	}
	return err
}

// A missingInterpreter says what to install.
type missingInterpreter struct {
	error
	kind string
}

func (m *missingInterpreter) Error() string {
	what := map[string]string{kindRuby: "Ruby (Debian: apt install ruby)", kindPython: "Python 3 (Debian: apt install python3)", kindNode: "Node.js (Debian: apt install nodejs)"}[m.kind]
	there, _, _ := strings.Cut(m.error.Error(), ": install it")
	return there + ": install " + what + ", set interpreter to its path, or set PATH in the app's env"
}
