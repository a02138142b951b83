package processes

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purser/test/harness"
)

// Where the app has gone when it was loaded is no place to look for settings, and it stays there.
func TestSettingsOfGunicornHoldAfterTheForkWhereverTheAppIs(t *testing.T) {
	for name, c := range map[string]struct{ startup, settings, goes string }{
		"by chdir":   {"src/wsgi.py", "chdir = 'src'\npythonpath = 'lib'\n", ""},
		"by the app": {"wsgi.py", "pythonpath = 'lib'\n", "os.chdir('src')\n"},
	} {
		t.Run(name, func(t *testing.T) {
			app := harness.EmptyApp(t)
			for _, folder := range []string{"src", "lib"} {
				if err := os.Mkdir(app.Path(folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			app.Write("lib/helper.py", "name = 'helper'\n")
			app.Write("gunicorn.conf.py", c.settings+"import os\ndef post_fork(server, worker):\n    os.environ['BOOTED'] = str(os.getpid())\n")
			app.Write(c.startup, "import os, helper\n"+c.goes+"def application(environ, start_response):\n    start_response('200 OK', [])\n"+
				"    return [('%s %s %s' % (helper.name, os.environ.get('BOOTED') == str(os.getpid()), os.path.basename(os.getcwd()))).encode()]\n")
			makeVenv(t, app, "--system-site-packages")
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, "preload = true", `startup_file = "`+c.startup+`"`)})
			harness.AwaitReady(t, p, 1)
			if answer := harness.Get(t, p, "/"); answer.Body != "helper True src" {
				t.Errorf("it answers %d %q", answer.StatusCode, answer.Body)
			}
		})
	}
}

// gunicornHooks write down which process has called them; what happened before the fork is known after it.
const gunicornHooks = `
import os

raw_env = ["SAID=once"]
forks = []

def note(name):
    with open("hooks.log", "a") as log:
        log.write("%s %d\n" % (name, os.getpid()))

on_starting = lambda server: note("on_starting")
when_ready = lambda server: note("when_ready")
post_worker_init = lambda worker: note("post_worker_init")
worker_exit = lambda server, worker: note("worker_exit")
child_exit = lambda server, worker: note("child_exit")
on_exit = lambda server: note("on_exit")

def pre_fork(server, worker):
    note("pre_fork")
    forks.append(worker.age)

def post_fork(server, worker):
    note("post_fork")
    os.environ["FORKS"] = str(len(forks))
`

func TestHooksOfGunicornRunWhereAndAsOftenAsWithGunicorn(t *testing.T) {
	app := harness.EmptyApp(t)
	app.Write("gunicorn.conf.py", gunicornHooks)
	app.Write("wsgi.py", "import os, time\nSAID = os.environ['SAID']\ndef application(environ, start_response):\n    time.sleep(0.3)\n"+
		"    start_response('200 OK', [])\n    return [('pid=%d forks=%s said=%s' % (os.getpid(), os.environ['FORKS'], SAID)).encode()]\n")
	makeVenv(t, app, "--system-site-packages")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(3), "preload = true", "concurrency = 1")})
	harness.AwaitReady(t, p, 3)
	source, forks := p.Sources(t, "app")[0].PID, map[string]bool{}
	var all []int
	for pid, body := range harness.AskEach(t, p, 3) {
		all, forks[harness.WordIn(body, "forks")] = append(all, pid), true
		if harness.WordIn(body, "said") != "once" {
			t.Errorf("process %d says %q: what raw_env sets is to be there when the app is loaded", pid, body)
		}
	}
	if !maps.Equal(forks, map[string]bool{"1": true, "2": true, "3": true}) {
		t.Errorf("the processes are the forks %v of their source", forks)
	}
	once, each := []int{source}, []int{source, source, source}
	mustHaveRun(t, app, map[string][]int{"on_starting": once, "when_ready": once, "pre_fork": each, "post_fork": all, "post_worker_init": all})
	if _, err := p.Stop(harness.Patience); err != nil {
		t.Fatal(err)
	}
	mustHaveRun(t, app, map[string][]int{"on_starting": once, "when_ready": once, "pre_fork": each, "post_fork": all, "post_worker_init": all,
		"worker_exit": all, "child_exit": all})
}

// mustHaveRun expects that each hook was called by those processes, and no other hook.
func mustHaveRun(t *testing.T, app harness.App, want map[string][]int) {
	t.Helper()
	text, err := os.ReadFile(app.Path("hooks.log"))
	if err != nil {
		t.Fatal(err)
	}
	is := map[string][]int{}
	for line := range strings.Lines(string(text)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, _ := strconv.Atoi(number)
		is[name] = append(is[name], pid)
	}
	for _, pids := range []map[string][]int{is, want} {
		for _, each := range pids {
			slices.Sort(each)
		}
	}
	if !maps.EqualFunc(is, want, slices.Equal) {
		t.Errorf("the hooks were called by %v, want %v", is, want)
	}
}

// Those of gevent and eventlet put others in the place of what the source waits by.
func TestWorkersOfGunicornThatChangeWhatAnAppImportsAreForked(t *testing.T) {
	for _, class := range []string{"gthread", "gevent", "eventlet"} {
		t.Run(class, func(t *testing.T) {
			app := harness.EmptyApp(t)
			app.Write("gunicorn.conf.py", "worker_class = '"+class+"'\n")
			app.Write("wsgi.py", "import os, time\nLOADER = os.getpid()\ndef application(environ, start_response):\n    time.sleep(0.01)\n"+
				"    start_response('200 OK', [])\n    return [('loader=%d forked=%s' % (LOADER, LOADER != os.getpid())).encode()]\n")
			makeVenv(t, app, "--system-site-packages")
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true")})
			harness.AwaitReady(t, p, 2)
			first := loader(t, p)
			for range 3 {
				harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
			}
			if again := loader(t, p); again != first {
				t.Errorf("the app was loaded by %d, and then by %d", first, again)
			}
			harness.MustSay(t, harness.Get(t, p, "/").Body, "forked=True")
			load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
			harness.AwaitAnswers(t, load, 20)
			harness.MustRestart(t, p, 0)
			harness.MustNotFail(t, load.End())
			harness.MustBeGone(t, []int{first})
		})
	}
}
