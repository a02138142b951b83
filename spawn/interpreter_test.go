package spawn

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/conf"
	"purser/spawn/keeper"
)

func TestInterpreterThatIsWrittenRunsTheApp(t *testing.T) {
	for _, test := range []struct {
		kind, interpreter string
		argv, want        string
	}{
		{kindNode, "/opt/node/bin/node", "node --require x app.js", "/opt/node/bin/node --require x app.js"},
		{kindNode, "node20", "node app.js", "node20 app.js"},
		{kindPython, "env/bin/python", "python3 loader", "/srv/blog/env/bin/python loader"},
		{kindRuby, "ruby3.3", "ruby loader", "ruby3.3 loader"},
		{kindRuby, "ruby3.3", "bundle exec x", "ruby3.3 -S bundle exec x"},
		{kindNode, "", "node app.js", "node app.js"},
	} {
		app := conf.App{Kind: test.kind, Interpreter: test.interpreter}
		if got := strings.Join(launched(app, strings.Fields(test.argv), "/srv/blog"), " "); got != test.want {
			t.Errorf("%s of %s by %q is %q, want %q", test.argv, test.kind, test.interpreter, got, test.want)
		}
	}
}

func TestLoginShellIsAboveTheApp(t *testing.T) {
	app := conf.App{Kind: kindNode, LoadShellEnv: true, RunsAs: &conf.Account{Shell: "/bin/bash"}}
	argv := launched(app, []string{"node", "app.js"}, keeper.SlotRelease)
	if want := []string{"/bin/bash", "-l", "-c", `exec "$0" "$@"`, "node", "app.js"}; !slices.Equal(argv, want) {
		t.Errorf("it is %q", argv)
	}
	app.RunsAs.Shell = "/usr/sbin/nologin"
	if argv := launched(app, []string{"node", "app.js"}, ""); argv[0] != "node" {
		t.Errorf("of a user without a shell it is %q", argv)
	}
}

func TestLoginShellGivesTheAppWhatItSetsUp(t *testing.T) {
	need(t, "node", "install Node.js 18 or later")
	home := writeFiles(t, map[string]string{".profile": "export FROM_PROFILE=yes\n"})
	root := writeFiles(t, map[string]string{"app.js": `require('http').createServer((q, s) => s.end(process.env.FROM_PROFILE + ' ' + process.env.PURSER_APP)).listen(1)`})
	st := newAppStage(t, root, func(app *conf.App) {
		app.LoadShellEnv, app.Env = true, map[string]string{"HOME": home}
		found, err := Detect(*app)
		check(t, err)
		*app = found
	})
	if body := st.get(st.start(), "/"); body != "yes blog" {
		t.Errorf("the app has %q", body)
	}
}

// Which shells of a home, and which versions, are an app's by the files that it has.
func TestVersionManagersComeFirstInPath(t *testing.T) {
	for name, test := range map[string]struct {
		home string // a folder or program in there
		file string // NAME=CONTENT in the app's folder
		want string // a folder in the home; "" = none
	}{
		"rbenv":            {".rbenv/shims/ruby", ".ruby-version=3.3.1", ".rbenv/shims"},
		"rbenv unasked":    {".rbenv/shims/ruby", "config.ru=", ""},
		"rvm":              {".rvm/wrappers/ruby-3.3.1/ruby", ".ruby-version=ruby-3.3.1", ".rvm/wrappers/ruby-3.3.1"},
		"ruby-install":     {".rubies/ruby-3.3.1/bin/ruby", ".ruby-version=3.3.1", ".rubies/ruby-3.3.1/bin"},
		"asdf":             {".asdf/shims/node", ".tool-versions=nodejs 20.11.1", ".asdf/shims"},
		"mise":             {".local/share/mise/shims/node", "mise.toml=", ".local/share/mise/shims"},
		"pyenv":            {".pyenv/shims/python3", ".python-version=3.12", ".pyenv/shims"},
		"nvm":              {".nvm/versions/node/v20.11.1/bin/node", ".nvmrc=20", ".nvm/versions/node/v20.11.1/bin"},
		"nvm, all of it":   {".nvm/versions/node/v20.11.1/bin/node", ".nvmrc=v20.11.1", ".nvm/versions/node/v20.11.1/bin"},
		"nvm, lts":         {".nvm/versions/node/v20.11.1/bin/node", ".nvmrc=lts/*", ".nvm/versions/node/v20.11.1/bin"},
		"nvm, a comment":   {".nvm/versions/node/v20.11.1/bin/node", ".nvmrc=# as on the server\n20 # or newer\n", ".nvm/versions/node/v20.11.1/bin"},
		"nvm, another one": {".nvm/versions/node/v20.11.1/bin/node", ".nvmrc=2", ""},
		"nodenv":           {".nodenv/shims/node", ".node-version=20", ".nodenv/shims"},
	} {
		t.Run(name, func(t *testing.T) {
			home := writeFiles(t, map[string]string{test.home: ""})
			var want []string
			if test.want != "" {
				want = []string{filepath.Join(home, test.want)}
			}
			if got := versionFolders(writeNamed(t, []string{test.file}), home); !slices.Equal(got, want) {
				t.Errorf("it is %q, want %q", got, want)
			}
		})
	}
}

func TestNewestVersionThatIsMeantIsTaken(t *testing.T) {
	place := writeFiles(t, map[string]string{"v20.9.0/bin/node": "", "v20.11.1/bin/node": "", "v22.0.0/bin/node": "", "other/x": ""})
	for version, want := range map[string]string{"20": "v20.11.1", "v20.9": "v20.9.0", "node": "v22.0.0", "": "v22.0.0", "18": ""} {
		if got := nodeFolder(place, version); want == "" && got != "" || want != "" && got != filepath.Join(place, want, "bin") {
			t.Errorf("of %q it is %s, want %s", version, got, want)
		}
	}
}

func TestFoldersOfAVersionManagerAreInTheAppsPath(t *testing.T) {
	app := conf.App{Found: conf.Found{Path: []string{"/home/a/.rbenv/shims"}}}
	t.Setenv("PATH", "/usr/bin")
	if got := searchPath(app); got != "/home/a/.rbenv/shims:/usr/bin" {
		t.Errorf("it is %s", got)
	}
	app.Env = map[string]string{"PATH": "/mine"}
	if got := searchPath(app); got != "/mine" {
		t.Errorf("where env sets it, it is %s", got)
	}
}

// What is started by a grant is what would be started without.
func TestTemplateOfAScriptIsTheCommandItself(t *testing.T) {
	need(t, "node", "install Node.js 18 or later")
	root := writeFiles(t, map[string]string{"package.json": `{"scripts": {"start": "web --quiet"}}`})
	app, err := Detect(conf.App{Name: "blog", Root: root, Env: map[string]string{"PATH": os.Getenv("PATH"), "NODE_OPTIONS": "--no-warnings"}, BacktraceSignal: "auto"})
	check(t, err)
	granted, found := Grants(app, t.TempDir())["process"]
	if !found || granted.Path != "/bin/sh" || !slices.Equal(granted.Args, []string{"/bin/sh", "-c", "exec web --quiet"}) {
		t.Fatalf("it is %q %q", granted.Path, granted.Args)
	}
	programs := keeper.SlotRelease + "/node_modules/.bin:"
	if !slices.ContainsFunc(granted.Env, func(v string) bool { return strings.HasPrefix(v, "PATH="+programs) }) {
		t.Errorf("its programs are not the first in PATH: %q", granted.Env)
	}
	if !slices.ContainsFunc(granted.Env, func(v string) bool {
		return strings.HasPrefix(v, "NODE_OPTIONS=--require=") && strings.HasSuffix(v, "/node.cjs --no-warnings")
	}) {
		t.Errorf("it has no loader: %q", granted.Env)
	}
}

// nvm writes a file for each name that it knows.
func TestNamesOfNvmAreTheVersionsThatItsFilesSay(t *testing.T) {
	nvm := writeFiles(t, map[string]string{
		"versions/node/v20.9.0/bin/node": "", "versions/node/v22.0.0/bin/node": "",
		"alias/lts/iron": "v20.9.0\n", "alias/lts/*": "lts/iron\n", "alias/ours": "lts/*\n", "alias/round": "round\n",
	})
	for name, want := range map[string]string{"lts/iron": "v20.9.0", "lts/*": "v20.9.0", "ours": "v20.9.0", "node": "v22.0.0", "round": "v22.0.0", "../alias/ours": "v22.0.0"} {
		place := filepath.Join(nvm, "versions/node")
		if got := nodeFolder(place, name); got != filepath.Join(place, want, "bin") {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
