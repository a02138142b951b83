package spawn

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"purser/conf"
	"purser/spawn/kind"
)

const (
	kindCommand = kind.Command
	kindRuby    = kind.Ruby
	kindPython  = kind.Python
	kindNode    = kind.Node
)

// Detect looks into the app's root and returns the app with Kind, StartupFile or Command, Found, Concurrency and
// Environment filled in: what it is, package kind finds out; concurrency 0 is what its files say for Ruby and
// Python, 1 if they say nothing, and conf.Unlimited for others. The error says in one sentence what is missing: the
// root, anything recognised, the startup file, or the interpreter. Root looks as the app's user would.
func Detect(app conf.App) (found conf.App, err error) {
	closed := false
	unable := looker(app).As(func() {
		_, err = os.Stat(app.Root + "/.")
		if closed = errors.Is(err, os.ErrPermission); !closed {
			found, err = detect(app)
		}
	})
	switch {
	case closed: // what is in there is not shown, but told when it is to start
		if found, err = find(app, kind.DetectByNames); err != nil {
			err = cmp.Or(closedTo(lookingAccount(app), app.Root), err)
		}
		found.Concurrency = cmp.Or(found.Concurrency, unreadConcurrency(found))
	case unable != nil: // apps run as root here
		found, err = detect(app)
	}
	if err != nil {
		return app, fmt.Errorf("cannot serve app %q: %w", app.Name, err)
	}
	return found, nil
}

func detect(app conf.App) (conf.App, error) {
	app, err := find(app, kind.Detect)
	if err != nil {
		return app, err
	}
	app = beside(app)
	app.Concurrency = cmp.Or(app.Concurrency, concurrencyOf(app))
	return app, checkInterpreter(app)
}

// find looks into the folder, but for what its files say about how the app is run.
func find(app conf.App, look func(conf.App) (conf.App, error)) (conf.App, error) {
	if err := isFolder(app.Root); err != nil {
		return app, err
	}
	app, err := look(app)
	if err == nil {
		app, err = fillWorkers(app)
	}
	if err != nil {
		return app, err
	}
	app.Env, app.Environment = kindsOfRun(app)
	if err := checkPreload(app); err != nil {
		return app, err
	}
	if app.Kind == kindCommand {
		return app, kind.CheckCommand(app)
	}
	return app, checkStartupFile(app, app.Root)
}

// concurrencyOf is that of an app for which none is written.
func concurrencyOf(app conf.App) int {
	switch {
	case app.Kind == kindPython && app.Command.IsZero():
		return pythonConcurrency(app)
	case app.Kind == kindRuby && app.Command.IsZero():
		return rubyConcurrency(app)
	case app.Kind == kindRuby:
		return 1
	}
	return conf.Unlimited
}

// unreadConcurrency is that of an app whose files are not read.
func unreadConcurrency(app conf.App) int {
	if app.Kind == kindRuby || app.Kind == kindPython {
		return 1
	}
	return conf.Unlimited
}

// checkStartupFile looks for the startup file in root, which is the app's or a release's.
func checkStartupFile(app conf.App, root string) error {
	switch {
	case !app.Command.IsZero():
		return nil
	case app.StartupFile == "":
		return fmt.Errorf("%s holds no startup file of a %s app; set startup_file", root, app.Kind)
	case !filepath.IsLocal(app.StartupFile):
		return fmt.Errorf("startup_file %q must be a path below the root", app.StartupFile)
	case !isFile(filepath.Join(root, app.StartupFile)):
		return fmt.Errorf("there is no startup file %s in %s", app.StartupFile, root)
	}
	return nil
}

func isFile(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.Mode().IsRegular()
}
