package spawn

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"purser/conf"
	"purser/spawn/keeper"
)

// What a front has the keeper run by a grant is what purser runs where it may run anything.
func TestAGrantIsWhatIsRunWithoutGrants(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"node", "python3", "puma", "bundle", "ruby", "server"} {
		check(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o755))
	}
	for name, c := range map[string]struct {
		files  []string
		change func(*conf.App)
	}{
		"a command": {nil, func(a *conf.App) {
			a.Command.Args = []string{"server", "--socket={socket}", "{root}/x", "odd \x01 text"}
		}},
		"a command of the release": {[]string{"bin/server"}, func(a *conf.App) { a.Command.Args = []string{"./bin/server", "{port}"} }},
		"a command by its root":    {[]string{"bin/server"}, func(a *conf.App) { a.Command.Args = []string{"{root}/bin/server"} }},
		"a command of a shell":     {nil, func(a *conf.App) { a.Command.Shell = "server {socket} {port} in {root}" }},
		"Rails by a command":       {[]string{"bin/rails"}, func(a *conf.App) { a.Command.Shell = "cd . && server" }},
		"a port of its own":        {nil, func(a *conf.App) { a.Command.Shell = "server"; a.Env["PORT"] = "80" }},
		"Node with limits": {[]string{"app.js"}, func(a *conf.App) {
			a.Kind, a.StartupFile = kindNode, "app.js"
			a.Limits = conf.Limits{NoNewPrivs: true, MemoryMax: 1 << 30, CPUMax: 150, Nice: conf.Number{Set: true, Value: 5}, Process: conf.ProcessLimits{Core: conf.Number{Set: true}}}
		}},
		"Node":                       {[]string{"app.js"}, func(a *conf.App) { a.Kind, a.StartupFile = kindNode, "app.js" }},
		"Python":                     {[]string{"wsgi.py"}, func(a *conf.App) { a.Kind, a.StartupFile, a.Concurrency = kindPython, "wsgi.py", 4 }},
		"Python of its own":          {[]string{"wsgi.py", ".venv/bin/python"}, func(a *conf.App) { a.Kind, a.StartupFile = kindPython, "wsgi.py" }},
		"Python of its own, visible": {[]string{"wsgi.py", "venv/bin/python"}, func(a *conf.App) { a.Kind, a.StartupFile = kindPython, "wsgi.py" }},
		"Python made elsewhere": {[]string{"wsgi.py", "py/bin/python"}, func(a *conf.App) {
			a.Kind, a.StartupFile, a.Env["VIRTUAL_ENV"] = kindPython, "wsgi.py", a.Root+"/py"
		}},
		"Ruby":               {[]string{"config.ru"}, func(a *conf.App) { a.Kind, a.StartupFile, a.Path = kindRuby, "config.ru", "/blog" }},
		"Ruby with a bundle": {[]string{"config.ru", "Gemfile"}, func(a *conf.App) { a.Kind, a.StartupFile, a.ReloadGuard = kindRuby, "config.ru", true }},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range c.files {
				check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
				check(t, os.WriteFile(filepath.Join(root, file), []byte("#!/bin/sh\n"), 0o755))
			}
			app := conf.App{Name: "blog", Root: root, Kind: kindCommand, Environment: "production", Env: map[string]string{"PATH": bin, "TOKEN": "a\x01b"}, BacktraceSignal: "auto"}
			c.change(&app)
			folder := t.TempDir()
			child := &Child{Order: Order{Generation: 7, Process: 2, Index: 1, Path: root}, endpoint: &endpoint{folder: filepath.Join(folder, "s3"), number: 3}}
			check(t, child.endpoint.offer(app))
			child.backtraceSignal, _ = backtraceSignal(app)
			usual := New(nil, app, folder, nil)
			usual.folder = fixedFolder(folder)
			want, err := child.purpose().program(usual, child)
			check(t, err)
			app.Grants = map[string]uint32{}
			numbered := map[uint32]keeper.Grant{}
			for name, g := range Grants(app, folder) {
				app.Grants[name] = uint32(len(numbered) + 1)
				numbered[app.Grants[name]] = g
			}
			asked, err := child.purpose().program(New(nil, app, folder, nil), child)
			check(t, err)
			got, err := numbered[asked.Grant].Fill(asked.Fill, child.endpoint.folder)
			check(t, err)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("by the grant it is\n%+v, want\n%+v", got, want)
			}
			ports.giveBack(child.endpoint.port)
		})
	}
}

func TestAHookByItsGrantIsWhatIsRunWithoutOne(t *testing.T) {
	root := t.TempDir()
	app := conf.App{Name: "blog", Root: root, Env: map[string]string{"PURSER_BY": "me"}, Kind: kindCommand, Command: conf.Command{Shell: "true"}}
	app.Hooks.AfterRestart = conf.Command{Shell: "echo $PURSER_REASON"}
	h := &Hook{App: app, Name: "after_restart", Command: app.Hooks.AfterRestart}
	told := map[string]string{"PURSER_APP": "blog", "PURSER_REASON": "it was \x1b[2J slow", "PURSER_BY": "somebody", "PURSER_EVENT": "restart done"}
	want, err := h.program(told)
	check(t, err)
	g := Grants(app, root)["hook/after_restart"]
	h.App.Grants = map[string]uint32{"hook/after_restart": 1}
	asked, err := h.program(told)
	check(t, err)
	got, err := g.Fill(asked.Fill, "")
	check(t, err)
	if !reflect.DeepEqual(got.Args, want.Args) || got.Path != want.Path || got.Dir != want.Dir {
		t.Errorf("by the grant it is %+v, want %+v", got, want)
	}
	has := func(env []string) map[string]string {
		all := map[string]string{}
		for _, variable := range env {
			name, value, _ := strings.Cut(variable, "=")
			if _, twice := all[name]; twice {
				t.Errorf("%s is there twice", name)
			}
			all[name] = value
		}
		return all
	}
	wanted := has(want.Env)
	wanted["PURSER_REASON"] = printable(told["PURSER_REASON"])
	if got := has(got.Env); !reflect.DeepEqual(got, wanted) {
		t.Errorf("its environment is\n%q, want\n%q", got, wanted)
	}
}
