package conf

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"
)

// Load reads a configuration file. Its error is Problems, or says why the file cannot be read.
func Load(path string) (*Config, error) {
	r := &reader{}
	data, err := ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	r.sources = []Source{{sourcePath(path), data}}
	return parse(path, data, r, (*reader).include)
}

// Parse reads a configuration, filling in the defaults. Name is the file's path: errors show it,
// and relative paths in the file begin at its folder. What it returns is valid; else the error is
// Problems with everything that is wrong. It reads no other files: what is to be included it only names.
func Parse(name string, data []byte) (*Config, error) { return parse(name, data, &reader{}, nil) }

func parse(name string, data []byte, r *reader, include func(*reader, *node)) (*Config, error) {
	top, err := open(name, data)
	if err != nil {
		return nil, err
	}
	if include != nil {
		include(r, top)
	}
	cfg := r.config(top)
	cfg.Sources = r.sources
	unread := r.problems
	for _, p := range cfg.problems() {
		// A value that could not be read is its default by now: nothing is to be said about that.
		if !unread.about(p.Key) {
			r.problems = append(r.problems, p)
		}
	}
	for i := range r.problems {
		if p := &r.problems[i]; p.File == "" {
			p.File, p.Line = top.placeOf(p.Key)
		}
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// open reads the syntax of a file. Its error is Problems, or says why its folder cannot be found.
func open(name string, data []byte) (*node, error) {
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("cannot find the folder of %s: %w", name, err)
	}
	top, err := parseTree(&file{name: name, dir: dir}, data)
	if err != nil {
		return nil, Problems{syntaxProblem(name, data, err)}
	}
	return top, nil
}

// syntaxProblem counts the lines itself: toml's own number is one too high where a line's end is
// what it did not expect.
func syntaxProblem(name string, data []byte, err error) Problem {
	bad, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return Problem{File: name, Text: "not valid TOML: " + err.Error()}
	}
	read := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))   // a byte order mark has no place in offsets
	read = read[:max(0, min(bad.Position.Start, len(read)))] // Start can be -1: toml steps back over what it read
	return Problem{File: name, Line: 1 + bytes.Count(read, []byte("\n")), Text: "not valid TOML: " + bad.Message}
}

// A reader makes a configuration of the file's tree and notes what is wrong on the way.
type reader struct {
	given    []Source // the only files that there are, unless it is nil
	sources  []Source // that were read
	problems Problems
}

func (r *reader) refuse(n *node, text string) {
	r.problems = append(r.problems, Problem{Key: n.key, Text: text})
}

func (r *reader) config(top *node) *Config {
	cfg := &Config{Server: defaultServer()}
	for _, name := range slices.Sorted(maps.Keys(top.nodes)) {
		n := top.nodes[name]
		switch name {
		case "server":
			readTable(r, n, &cfg.Server, serverSchema)
			cfg.Server.AccessLog = logPath(cfg.Server.AccessLog, n.file.dir)
			placeAll(cfg.Server.Include, n.file.dir)
			if tls, ok := n.nodes["tls"]; ok {
				readTable(r, tls, &cfg.Server.TLS, pairsSchema)
				cfg.Server.TLS.placed(n.file.dir)
			}
			if acme, ok := n.nodes["acme"]; ok {
				r.acme(acme, &cfg.Server.ACME)
			}
		case "apps":
			cfg.Apps = r.apps(n)
		default:
			r.refuse(n, misplaced(n.key, []string{"server", "apps"}))
		}
	}
	for i := range cfg.Apps {
		cfg.Apps[i].placeLog(cfg.Server)
	}
	return cfg
}

func (r *reader) apps(n *node) []App {
	if !r.isTable(n) {
		return nil
	}
	var apps []App
	for _, name := range slices.Sorted(maps.Keys(n.nodes)) {
		apps = append(apps, r.app(name, n.nodes[name]))
	}
	return apps
}

func (r *reader) app(name string, n *node) App {
	app := defaultApp(name)
	readTable(r, n, &app, appSchema)
	if app.Root != "" && !filepath.IsAbs(app.Root) {
		app.Root = filepath.Join(n.file.dir, app.Root)
	}
	placeAll(app.Sendfile, n.file.dir)
	if env, ok := n.nodes["env"]; ok {
		r.env(env, app.Env)
	}
	if limits, ok := n.nodes["process_limits"]; ok {
		readTable(r, limits, &app.Limits.Process, processLimitsSchema)
	}
	if restart, ok := n.nodes["restart"]; ok {
		readTable(r, restart, &app.Restart, restartSchema)
	}
	if health, ok := n.nodes["health"]; ok {
		readTable(r, health, &app.Health, healthSchema)
	}
	if hooks, ok := n.nodes["hooks"]; ok {
		readTable(r, hooks, &app.Hooks, hooksSchema)
	}
	if tls, ok := n.nodes["tls"]; ok {
		readTable(r, tls, &app.TLS, tlsSchema)
		app.TLS.placed(n.file.dir)
		app.TLS.ClientCA = placedFile(app.TLS.ClientCA, n.file.dir)
	}
	if workers, ok := n.nodes["workers"]; ok {
		r.workers(workers, &app)
	}
	for _, s := range sections {
		if table, ok := n.nodes[s.name]; ok {
			s.read(r, table, &app)
		}
	}
	return app
}

func (r *reader) env(n *node, into map[string]string) {
	if !r.isTable(n) {
		return
	}
	for name, variable := range n.nodes {
		value, err := variableText(variable.value)
		if err != nil {
			r.refuse(variable, err.Error())
		}
		into[name] = value
	}
}

// variableText is the value of a variable. A number or a truth is not taken for what it looks like: 1.10 and 0x1F would be
// others than they are written.
func variableText(v any) (string, error) {
	value, err := text(v)
	switch v.(type) {
	case int64, float64, bool:
		return "", fmt.Errorf("%w; put it in quotes", err)
	}
	return value, err
}

// logPath is where the access log goes.
func logPath(s, dir string) string {
	if s == "off" {
		return s
	}
	return placedLog(s, dir)
}

func (r *reader) isTable(n *node) bool {
	if !n.isTable() {
		r.refuse(n, fmt.Sprintf("must be a table, not %s", described(n.value)))
	}
	return n.isTable()
}

// readTable reads every key of the table t.
func readTable[T any](r *reader, t *node, into *T, s schema[T]) {
	if !r.isTable(t) {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(t.nodes)) {
		n := t.nodes[key]
		f, ok := s.field(key)
		switch {
		case ok:
			for _, err := range each(f.read(into, n.value)) {
				r.refuse(n, err.Error())
			}
		case slices.Contains(s.later, key):
			r.refuse(n, fmt.Sprintf("%q is not supported yet", key))
		case !s.hasTable(key):
			r.refuse(n, misplaced(n.key, s.keys()))
		}
	}
}

// each are the errors that were joined into one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
