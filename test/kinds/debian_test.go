package kinds

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"purser/test/harness"
)

// preloaded are the keys of an app whose processes are forked.
var preloaded = []string{"preload = true", harness.Processes(2)}

// What a release says that cannot start.
const (
	raisedRuby   = "raise 'this release is broken'\n"
	raisedPython = "raise RuntimeError('this release is broken')\n"
)

func TestApplicationsOfRubyAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "sinatra", make: files(sinatra), path: "/", says: "Hello world!", breaks: map[string]string{"app.rb": raisedRuby}},
		{name: "sinatra in a bundle without a server", make: sinatraBundle, path: "/", says: "Hello world!", breaks: map[string]string{"app.rb": raisedRuby}},
		{name: "rails", make: rails, path: "/up", says: "OK", breaks: map[string]string{"config/initializers/broken.rb": raisedRuby}},
		{name: "redmine", make: redmine, path: "/login", says: "Redmine", rate: 4, breaks: map[string]string{"config/initializers/broken.rb": raisedRuby}},
		{name: "redmine with preload", make: redmine, keys: preloaded, path: "/login", says: "Redmine", rate: 4, breaks: map[string]string{"config/initializers/broken.rb": raisedRuby}},
	} {
		t.Run(a.name, func(t *testing.T) { a.test(t) })
	}
}

func TestApplicationsOfPythonAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, a := range []application{
		{name: "flask", make: files(flask), path: "/", says: "Hello, World!", breaks: map[string]string{"app.py": raisedPython}},
		{name: "django", make: django, path: "/", says: "The install worked successfully!", breaks: map[string]string{"mysite/settings.py": raisedPython}},
		{name: "django by asgi", make: djangoByASGI, path: "/", says: "The install worked successfully!", breaks: map[string]string{"mysite/settings.py": raisedPython}},
		{name: "radicale", make: radicale, path: "/.web/", says: "Radicale", breaks: map[string]string{"radicale.wsgi": raisedPython}},
		{name: "mailman3", make: mailman, path: "/hyperkitty/", says: "HyperKitty", breaks: map[string]string{"settings.py": raisedPython}},
		{name: "mailman3 with preload", make: mailman, keys: preloaded, path: "/hyperkitty/", says: "HyperKitty", breaks: map[string]string{"settings.py": raisedPython}},
		{name: "starlette", make: files(starlette), path: "/", says: `"hello":"world"`, breaks: map[string]string{"asgi.py": raisedPython}},
		{name: "fastapi", make: files(fastapi), path: "/", says: `"Hello":"World"`, breaks: map[string]string{"main.py": raisedPython}},
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
	flask = map[string]string{"app.py": `from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello_world():
    return "<p>Hello, World!</p>"
`}
	starlette = map[string]string{"asgi.py": `from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def homepage(request):
    return JSONResponse({'hello': 'world'})


app = Starlette(routes=[Route('/', homepage)])
`}
	fastapi = map[string]string{"main.py": `from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def read_root():
    return {"Hello": "World"}
`}
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

// sinatraBundle has gems of its own, of which none is a server.
func sinatraBundle(t *testing.T) harness.App {
	app := files(sinatra)(t)
	app.Write("Gemfile", "source 'https://rubygems.org'\n\ngem 'sinatra'\n")
	runIn(t, app, "bundle", "install", "--local", "--quiet")
	return app
}

// rails is what rails new makes, with a route as a newer Rails has for whoever looks after it.
func rails(t *testing.T) harness.App {
	app := harness.RailsApp(t)
	app.Write("config/routes.rb", "Rails.application.routes.draw do\n  get '/up', to: ->(_) { [200, {'Content-Type' => 'text/plain'}, ['OK']] }\nend\n")
	return app
}

func redmine(t *testing.T) harness.App { return harness.RedmineApp(t) }

// django is what django-admin startproject makes.
func django(t *testing.T) harness.App {
	app := harness.EmptyApp(t)
	runIn(t, app, "django-admin", "startproject", "mysite", ".")
	return app
}

func djangoByASGI(t *testing.T) harness.App {
	app := django(t)
	if err := os.Remove(app.Path("mysite/wsgi.py")); err != nil {
		t.Fatal(err)
	}
	return app
}

func radicale(t *testing.T) harness.App { return harness.CopyOf(t, "/usr/share/radicale") }

// mailman is the application of Debian's package mailman3-web, with its data, which are a copy.
func mailman(t *testing.T) harness.App {
	app := harness.CopyOf(t, "/usr/share/mailman3-web")
	app.MakeFolders("log")
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

// runIn runs a program of Debian's in the application's folder.
func runIn(t *testing.T, app harness.App, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("/usr/bin", program), args...)
	cmd.Dir, cmd.Env = app.Dir, append(os.Environ(), debian)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot run %v: %v\n%s", cmd.Args, err, out)
	}
}
