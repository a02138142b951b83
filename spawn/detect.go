package spawn

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"purser/conf"
)

// The kinds of apps, as conf.App.Kind has them.
const (
	kindAuto    = "auto"
	kindCommand = "command"
	kindRuby    = "ruby"
	kindPython  = "python"
	kindNode    = "node"
)

// startupFiles are looked for in this order, so that a Rails app with a package.json is Ruby.
var startupFiles = []struct {
	kind  string
	names []string
}{
	{kindRuby, []string{"config.ru"}},
	{kindPython, []string{"passenger_wsgi.py", "wsgi.py"}},
	{kindNode, []string{"app.js", "server.js", "index.js", "app.mjs", "server.mjs", "index.mjs"}},
}

// Detect looks into the app's root and returns the app with Kind, StartupFile, Concurrency and
// Environment filled in: kind "auto" is a command if one is set, else what the startup file tells; concurrency
// 0 is 1 for Ruby and Python, and conf.Unlimited for others. The error says in one sentence what
// is missing: the root, anything recognised, the startup file, or the interpreter. Root looks as the app's user would.
func Detect(app conf.App) (found conf.App, err error) {
	closed := false
	unable := looker(app).As(func() {
		_, err = os.Stat(app.Root + "/.")
		if closed = errors.Is(err, os.ErrPermission); !closed {
			found, err = detect(app)
		}
	})
	if closed || unable != nil { // what is in there he is not shown, but told when it is to start; or apps run as root here
		found, err = detect(app)
	}
	if err != nil {
		return app, fmt.Errorf("cannot serve app %q: %w", app.Name, err)
	}
	return found, nil
}

func detect(app conf.App) (conf.App, error) {
	if err := isFolder(app.Root); err != nil {
		return app, err
	}
	app.Env, app.Environment = kindsOfRun(app)
	if app.Kind == kindAuto || app.Kind == "" {
		app.Kind = kindByFiles(app)
	}
	if app.Kind == "" {
		return app, fmt.Errorf("nothing in %s says how to start it (looked for %s, package.json); "+
			"set command, or kind and startup_file", app.Root, strings.Join(allStartupFiles(), ", "))
	}
	if app.Concurrency == 0 {
		app.Concurrency = conf.Unlimited
		if app.Kind == kindRuby || app.Kind == kindPython {
			app.Concurrency = 1
		}
	}
	if err := checkPreload(app); err != nil {
		return app, err
	}
	if app.Kind == kindCommand {
		return app, checkCommand(app)
	}
	if app.StartupFile == "" {
		app.StartupFile = findStartupFile(app.Root, app.Kind)
	}
	if err := checkStartupFile(app, app.Root); err != nil {
		return app, err
	}
	return app, checkInterpreter(app)
}

// kindByFiles returns "" if nothing is recognised.
func kindByFiles(app conf.App) string {
	if !app.Command.IsZero() {
		return kindCommand
	}
	if app.StartupFile != "" {
		return kindByName(app.StartupFile)
	}
	for _, known := range startupFiles {
		if findStartupFile(app.Root, known.kind) != "" {
			return known.kind
		}
	}
	return ""
}

func kindByName(startup string) string {
	switch filepath.Ext(startup) {
	case ".ru":
		return kindRuby
	case ".py", ".wsgi":
		return kindPython
	case ".js", ".mjs", ".cjs", ".ts":
		return kindNode
	}
	return ""
}

// findStartupFile returns the first startup file of a kind that exists in root, or "".
func findStartupFile(root, kind string) string {
	for _, known := range startupFiles {
		for _, name := range known.names {
			if known.kind == kind && isFile(filepath.Join(root, name)) {
				return name
			}
		}
	}
	if kind == kindNode {
		return packageStartup(root)
	}
	return ""
}

var nodeScript = regexp.MustCompile(`^node\s+([^-\s]\S*)$`)

// packageStartup returns the file that package.json names, by "main" or by a start script that is
// plainly "node FILE"; "" if it names none that exists.
func packageStartup(root string) string {
	content, err := conf.ReadFile(filepath.Join(root, "package.json"))
	if err != nil {
		return ""
	}
	var manifest struct {
		Main    string
		Scripts struct{ Start string }
	}
	if json.Unmarshal(content, &manifest) != nil {
		return ""
	}
	names := []string{manifest.Main, manifest.Main + ".js"}
	if script := nodeScript.FindStringSubmatch(manifest.Scripts.Start); script != nil {
		names = append(names, script[1], script[1]+".js")
	}
	for _, name := range names {
		if filepath.IsLocal(name) && isFile(filepath.Join(root, name)) {
			return filepath.Clean(name)
		}
	}
	return ""
}

func allStartupFiles() (names []string) {
	for _, known := range startupFiles {
		names = append(names, known.names...)
	}
	return names
}

func checkCommand(app conf.App) error {
	if app.Command.IsZero() {
		return errors.New(`kind "command" needs a command`)
	}
	if port, set := app.Env["PORT"]; set && app.Command.Has("{port}") {
		return fmt.Errorf("env sets PORT to %q, and the command has {port}, which is another one for each process: take PORT out of env", port)
	}
	return nil
}

// checkStartupFile looks for the startup file in root, which is the app's or a release's.
func checkStartupFile(app conf.App, root string) error {
	switch {
	case app.StartupFile == "":
		return fmt.Errorf("%s holds no startup file of a %s app; set startup_file", root, app.Kind)
	case !filepath.IsLocal(app.StartupFile):
		return fmt.Errorf("startup_file %q must be a path below the root", app.StartupFile)
	case !isFile(filepath.Join(root, app.StartupFile)):
		return fmt.Errorf("there is no startup file %s in %s", app.StartupFile, root)
	}
	return nil
}

func checkInterpreter(app conf.App) error {
	interpreter := map[string]string{kindRuby: "ruby", kindNode: "node", kindPython: "python3"}[app.Kind]
	if app.Kind == kindPython {
		interpreter = pythonOf(app.Root)
	}
	_, err := lookPath(app, interpreter, app.Root)
	return err
}

func isFile(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.Mode().IsRegular()
}
