package kinds

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// What a release says that cannot start.
const (
	raisedRuby   = "raise 'this release is broken'\n"
	raisedPython = "raise RuntimeError('this release is broken')\n"
)

func TestApplicationsOfRubyAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "sinatra", make: files(sinatra), path: "/", says: "Hello world!", breaks: map[string]string{"app.rb": raisedRuby}},
		{name: "rails", make: rails, path: "/up", says: "OK", breaks: map[string]string{"config/initializers/broken.rb": raisedRuby}},
	} {
		t.Run(a.name, func(t *testing.T) { a.test(t) })
	}
}

func TestApplicationsOfPythonAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "mailman3", make: mailman, path: "/hyperkitty/", says: "HyperKitty", breaks: map[string]string{"settings.py": raisedPython}},
	} {
		t.Run(a.name, func(t *testing.T) { a.test(t) })
	}
}

// The first example of the manual of each framework.
var (
	sinatra = map[string]string{
		"config.ru": "require './app'\nrun Sinatra::Application\n",
		"app.rb":    "require 'sinatra'\n\nget '/' do\n  'Hello world!'\nend\n",
	}
)

// files makes an application of a few files.
func files(text map[string]string) func(*testing.T) harness.App {
	return func(t *testing.T) harness.App {
		app := harness.EmptyApp(t)
		for name, content := range text {
			app.Write(name, content)
		}
		return app
	}
}

// rails is what rails new makes, with a route as a newer Rails has for whoever looks after it.
func rails(t *testing.T) harness.App {
	app := harness.RailsApp(t)
	app.Write("config/routes.rb", "Rails.application.routes.draw do\n  get '/up', to: ->(_) { [200, {'Content-Type' => 'text/plain'}, ['OK']] }\nend\n")
	return app
}

// mailman is the application of Debian's package mailman3-web, with its data, which are a copy.
func mailman(t *testing.T) harness.App {
	app := harness.CopyOf(t, "/usr/share/mailman3-web")
	makeFolders(t, app, "log")
	runIn(t, app, "cp", "-a", "/var/lib/mailman3/web", app.Path("var"))
	for name, from := range map[string]string{"settings.py": "/usr/share/mailman3-web/settings.py", "settings_local.py": "/etc/mailman3/mailman-web.py"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		own := strings.NewReplacer("/var/lib/mailman3/web", app.Path("var"), "/var/log/mailman3/web", app.Path("log"))
		app.Write(name, own.Replace(string(text)))
	}
	return app
}

func makeFolders(t *testing.T, app harness.App, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(app.Path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// runIn runs a program of Debian's in the application's folder.
func runIn(t *testing.T, app harness.App, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("/usr/bin", program), args...)
	cmd.Dir, cmd.Env = app.Dir, append(os.Environ(), debian)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot run %v: %v\n%s", cmd.Args, err, out)
	}
}
