package spawn

import (
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
)

func TestEnvironmentIsThatOfTheConfigurationThenTheOneHandedOnThenProduction(t *testing.T) {
	root := writeFiles(t, map[string]string{"app.js": ""})
	for _, test := range []struct {
		written, handed string
		pass            []string
		want            string
	}{
		{"", "", []string{"*"}, "production"},
		{"", "staging", nil, "production"},
		{"", "staging", []string{"*"}, "staging"},
		{"", "staging", []string{"RAILS_*"}, "staging"},
		{"test", "staging", []string{"*"}, "test"},
	} {
		t.Setenv("RAILS_ENV", test.handed)
		app, err := Detect(conf.App{Name: "a", Root: root, Environment: test.written, EnvPass: test.pass})
		check(t, err)
		if app.Environment != test.want {
			t.Errorf("%+v: it is %s", test, app.Environment)
		}
	}
}

func TestDetect(t *testing.T) {
	needRuntimes(t)
	for name, test := range map[string]struct {
		files         []string
		app           conf.App
		kind, startup string
		concurrency   int
	}{
		"rack":                    {[]string{"config.ru"}, conf.App{}, "ruby", "config.ru", 1},
		"rails with package.json": {[]string{"package.json", "config.ru"}, conf.App{}, "ruby", "config.ru", 1},
		"passenger's python":      {[]string{"wsgi.py", "passenger_wsgi.py"}, conf.App{}, "python", "passenger_wsgi.py", 1},
		"wsgi":                    {[]string{"wsgi.py"}, conf.App{}, "python", "wsgi.py", 1},
		"node":                    {[]string{"index.js", "server.js"}, conf.App{}, "node", "server.js", -1},
		"node module":             {[]string{"app.mjs"}, conf.App{}, "node", "app.mjs", -1},
		"package main":            {[]string{`package.json={"main":"./lib/start"}`, "lib/start.js"}, conf.App{}, "node", "lib/start.js", -1},
		"package script":          {[]string{`package.json={"main":"gone.js","scripts":{"start":"node web.cjs"}}`, "web.cjs"}, conf.App{}, "node", "web.cjs", -1},
		"command wins":            {[]string{"config.ru"}, conf.App{Command: conf.Command{Shell: "run"}}, "command", "", -1},
		"startup file tells":      {[]string{"config.ru", "blog/wsgi.py"}, conf.App{StartupFile: "blog/wsgi.py"}, "python", "blog/wsgi.py", 1},
		"kind tells":              {[]string{"config.ru", "app.js"}, conf.App{Kind: "node"}, "node", "app.js", -1},
		"concurrency stays":       {[]string{"config.ru"}, conf.App{Concurrency: 5}, "ruby", "config.ru", 5},
	} {
		t.Run(name, func(t *testing.T) {
			app := test.app
			app.Name, app.Root = "blog", writeNamed(t, test.files)
			got, err := Detect(app)
			check(t, err)
			if got.Kind != test.kind || got.StartupFile != test.startup || got.Concurrency != test.concurrency {
				t.Errorf("got %s %s %d, want %s %s %d", got.Kind, got.StartupFile, got.Concurrency,
					test.kind, test.startup, test.concurrency)
			}
		})
	}
}

func TestDetectRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		app   conf.App
		want  string
	}{
		"nothing": {nil, conf.App{},
			"says how to start it (looked for config.ru, passenger_wsgi.py, manage.py, wsgi.py, asgi.py, app.js, server.js, " +
				"index.js, app.mjs, server.mjs, index.mjs, app.cjs, server.cjs, index.cjs, package.json, *.wsgi, app.py, main.py, application.py, Procfile); set command, or kind and startup_file"},
		"script of developers": {[]string{`package.json={"scripts":{"start":"next dev"}}`}, conf.App{}, "the script start of package.json runs next dev, which is for development; set command"},
		"broken package":       {[]string{"package.json={"}, conf.App{}, "says how to start it"},
		"startup file outside": {nil, conf.App{Kind: "ruby", StartupFile: "../config.ru"}, `startup_file "../config.ru" must be a path below the root`},
		"startup file missing": {nil, conf.App{Kind: "ruby", StartupFile: "blog.ru"}, "there is no startup file blog.ru in "},
		"none of that kind":    {[]string{"app.js"}, conf.App{Kind: "ruby"}, "holds no startup file of a ruby app; set startup_file"},
		"no command":           {nil, conf.App{Kind: "command"}, `kind "command" needs a command`},
		"no interpreter": {[]string{"config.ru"}, conf.App{Env: map[string]string{"PATH": "/nowhere"}},
			"config.ru is a ruby app, and there is no ruby in PATH (/nowhere): install Ruby (Debian: apt install ruby), set interpreter to its path, or set PATH in the app's env"},
	} {
		t.Run(name, func(t *testing.T) {
			app := test.app
			app.Name, app.Root = "blog", writeNamed(t, test.files)
			refused(t, app, test.want)
		})
	}
	t.Run("no root", func(t *testing.T) {
		refused(t, conf.App{Name: "blog", Root: "/nowhere/blog"}, "the folder /nowhere/blog does not exist")
	})
	t.Run("root is a file", func(t *testing.T) {
		file := filepath.Join(writeNamed(t, []string{"blog"}), "blog")
		refused(t, conf.App{Name: "blog", Root: file}, "is not a folder")
	})
}

func refused(t *testing.T, app conf.App, want string) {
	t.Helper()
	_, err := Detect(app)
	if err == nil {
		t.Fatal("it was accepted")
	}
	text := err.Error()
	if !strings.HasPrefix(text, `cannot serve app "blog": `) || !strings.Contains(text, want) || strings.Contains(text, "\n") {
		t.Errorf("the error is %q, want one sentence with %q", text, want)
	}
}

// writeNamed writes files given as NAME or NAME=CONTENT.
func writeNamed(t *testing.T, named []string) string {
	files := map[string]string{}
	for _, file := range named {
		name, content, _ := strings.Cut(file, "=")
		files[name] = content
	}
	return writeFiles(t, files)
}

func needRuntimes(t *testing.T) {
	t.Helper()
	need(t, "node", "install Node.js 18 or later")
	need(t, "ruby", "apt install ruby puma")
	need(t, "puma", "apt install puma")
	need(t, "python3", "apt install python3 gunicorn")
}

func TestMeteorBundleIsToldWhatItLacks(t *testing.T) {
	need(t, "node", "install Node.js 18 or later")
	root := writeFiles(t, map[string]string{"main.js": "", "star.json": "", "programs/server/boot.js": ""})
	for missing, env := range map[string]map[string]string{
		"a Meteor bundle needs ROOT_URL: set it in env; a Meteor bundle needs MONGO_URL: set it in env": nil,
		"a Meteor bundle needs MONGO_URL: set it in env":                                                {"ROOT_URL": "https://example.org"},
		"": {"ROOT_URL": "https://example.org", "MONGO_URL": "mongodb://localhost"},
	} {
		app, err := Detect(conf.App{Name: "blog", Root: root, Env: env})
		check(t, err)
		if notes := strings.Join(app.Found.Notes, "; "); notes != missing {
			t.Errorf("with %v it says %q", env, notes)
		}
	}
}
