// Package kind finds out what an app is from the files in its folder: which kind, which file or command starts it, and
// what else is there that could have. It reads a few small files, and runs nothing.
package kind

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"purser/conf"
)

// The kinds of apps, as conf.App.Kind has them.
const (
	Auto    = "auto"
	Command = "command"
	Ruby    = "ruby"
	Python  = "python"
	Node    = "node"
)

// A candidate is one way to start what is in a folder.
type candidate struct {
	kind    string
	file    string   // the startup file; "" if there is a command
	command string   // a line for the shell, of kind node under its loader
	why     string   // the file that says so, which the operator knows it by
	notes   []string // if this is what is chosen
	late    bool     // it listens before it has loaded its code
}

// Detect returns the app with Kind, StartupFile or Command, and Found filled in. What is written wins over
// Passengerfile.json, and both win over what the files in the folder tell. Of these, the first of candidates is chosen.
// A kind node with a Command is that command under the loader of Node.js.
func Detect(app conf.App) (conf.App, error) { return folder{path: app.Root}.detect(app) }

// DetectByNames does that with no file read: for root, who may look into a folder that the app's user may not enter. A
// link in there could lead to what is another's, and what it says would come to the app.
func DetectByNames(app conf.App) (conf.App, error) {
	return folder{path: app.Root, unread: true}.detect(app)
}

func (f folder) detect(app conf.App) (conf.App, error) {
	r, err := f.passengerfile(app)
	if err != nil {
		return app, err
	}
	app, err = f.choose(r.app)
	return r.forKind(app), err
}

func (f folder) choose(app conf.App) (conf.App, error) {
	all, doubts := f.candidates()
	app.Found.Procfile = f.procfileOthers()
	app.Kind = cmp.Or(app.Kind, Auto)
	if app.Kind == Auto {
		app.Kind = writtenKind(app)
	}
	if app.Kind == Command || app.StartupFile != "" {
		app.Found.Why = cmp.Or(app.Found.Why, whyWritten(app))
		app.Found.Others = others(app, all)
		return app, nil
	}
	for _, c := range all {
		if app.Kind == Auto || app.Kind == c.kind {
			return c.applied(app, all), nil
		}
	}
	return app, nothing(app, doubts)
}

// applied is the app as a candidate has it.
func (c candidate) applied(app conf.App, all []candidate) conf.App {
	app.Kind, app.StartupFile, app.Command = c.kind, c.file, conf.Command{Shell: c.command}
	app.Found.Why = c.why
	app.Found.Notes = append(slices.Clone(app.Found.Notes), c.notes...)
	app.Found.Others = others(app, all)
	app.Found.LoadsLate = c.late
	return app
}

// candidates are all ways to start what is in a folder, the one to take first: Passenger's startup files in its order,
// then what other servers and platforms go by. What Passenger knows comes before a file that it does not look at: an app
// of Node.js may have an app.py or main.py as a tool. Doubts say why something that is there is none.
func (f folder) candidates() (all []candidate, doubts []string) {
	usual := []func() ([]candidate, []string){f.pythonUsual, f.nodeUsual}
	if f.has("app.js") {
		slices.Reverse(usual)
	}
	for _, look := range slices.Concat([]func() ([]candidate, []string){f.ruby, f.python, f.node}, usual, []func() ([]candidate, []string){f.procfile}) {
		found, doubted := look()
		for _, c := range found {
			if !slices.ContainsFunc(all, c.startsSame) {
				all = append(all, c)
			}
		}
		doubts = append(doubts, doubted...)
	}
	return all, doubts
}

func (c candidate) startsSame(other candidate) bool {
	return c.kind == other.kind && c.file == other.file && c.command == other.command
}

func (f folder) ruby() (all []candidate, doubts []string) {
	if f.has("config.ru") {
		all = append(all, candidate{kind: Ruby, file: "config.ru", why: "config.ru"})
	}
	return all, nil
}

// writtenKind is the kind that is told by what is written, Auto if none is.
func writtenKind(app conf.App) string {
	if !app.Command.IsZero() {
		return Command
	}
	switch filepath.Ext(app.StartupFile) {
	case ".ru":
		return Ruby
	case ".py", ".wsgi":
		return Python
	case ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts":
		return Node
	}
	return Auto
}

// WhyCommand is Found.Why of an app whose command is written in the configuration.
const WhyCommand = "command"

func whyWritten(app conf.App) string {
	if app.Kind == Command {
		return WhyCommand
	}
	return "startup_file"
}

// others are the files that would start something else.
func others(app conf.App, all []candidate) (names []string) {
	for _, c := range all {
		chosen := c.why == app.Found.Why || c.file != "" && c.file == app.StartupFile
		if !chosen && !slices.Contains(names, c.why) {
			names = append(names, c.why)
		}
	}
	return names
}

// nothing says what was looked for, and what there was that cannot be taken.
func nothing(app conf.App, doubts []string) error {
	switch {
	case app.Kind == Auto && app.StartupFile != "":
		return fmt.Errorf("%s does not tell what kind of app it starts; set kind, too", app.StartupFile)
	case app.Kind != Auto && len(doubts) > 0:
		return fmt.Errorf("%s holds no startup file of a %s app (%s); set startup_file", app.Root, app.Kind, strings.Join(doubts, "; "))
	case app.Kind != Auto:
		return fmt.Errorf("%s holds no startup file of a %s app; set startup_file", app.Root, app.Kind)
	case len(doubts) > 0:
		return fmt.Errorf("nothing in %s says how to start it: %s; set command, or kind and startup_file", app.Root, strings.Join(doubts, "; "))
	}
	return fmt.Errorf("nothing in %s says how to start it (looked for %s); set command, or kind and startup_file",
		app.Root, strings.Join(lookedFor(), ", "))
}

func lookedFor() []string {
	names := []string{"config.ru"}
	for _, one := range pythonFiles {
		names = append(names, one.name)
	}
	names = append(append(names, nodeFiles...), "package.json")
	for _, one := range pythonUsualFiles {
		names = append(names, one.name)
	}
	return append(names, "Procfile")
}

// A folder is that of an app.
type folder struct {
	path   string
	unread bool // only the names of its files count
}

// has reports whether there is a regular file of this name, or a link to one.
func (f folder) has(name string) bool {
	stat, err := os.Stat(filepath.Join(f.path, name))
	return err == nil && stat.Mode().IsRegular()
}

func (f folder) hasFolder(name string) bool {
	stat, err := os.Stat(filepath.Join(f.path, name))
	return err == nil && stat.IsDir()
}

// text is what a file holds, "" if it cannot be read: who starts it says why.
func (f folder) text(name string) string {
	if f.unread {
		return ""
	}
	content, err := ReadFile(filepath.Join(f.path, name))
	if err != nil {
		return ""
	}
	return string(content)
}

// named are the regular files that a pattern of filepath.Match names, in their order.
func (f folder) named(pattern string) (names []string) {
	found, err := filepath.Glob(filepath.Join(escapeGlob(f.path), pattern))
	if err != nil {
		return nil
	}
	for _, path := range found {
		if name, err := filepath.Rel(f.path, path); err == nil && f.has(name) {
			names = append(names, name)
		}
	}
	return names
}

var escapeGlob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace

var errNoCommand = errors.New(`kind "command" needs a command`)

// CheckCommand says what is wrong with the command of an app of kind command.
func CheckCommand(app conf.App) error {
	if app.Command.IsZero() {
		return errNoCommand
	}
	if port, set := app.Env["PORT"]; set && app.Command.Has("{port}") {
		return fmt.Errorf("env sets PORT to %q, and the command has {port}, which is another one for each process: take PORT out of env", port)
	}
	return nil
}
