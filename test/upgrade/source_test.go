package upgrade

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// slowly are apps that take as long to load as there is a file "wait", and write down who loads which version.
var slowly = map[string]struct{ file, text string }{
	"ruby": {"config.ru", `
VERSION = File.read(File.join(__dir__, "VERSION")).strip
LOADER = Process.pid
File.write(File.join(__dir__, "loads"), "v=#{VERSION} #{LOADER}\n", mode: "a")
sleep 0.01 while File.exist?(File.join(__dir__, "wait"))
run ->(env) { [200, { "content-type" => "text/plain" }, ["v=#{VERSION} pid=#{Process.pid} loader=#{LOADER}\n"]] }
`},
	"python": {"wsgi.py", `
import os, time
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "VERSION")) as f:
    VERSION = f.read().strip()
LOADER = os.getpid()
with open(os.path.join(HERE, "loads"), "a") as f:
    f.write("v=%s %d\n" % (VERSION, LOADER))
while os.path.exists(os.path.join(HERE, "wait")):
    time.sleep(0.01)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("v=%s pid=%d loader=%d\n" % (VERSION, os.getpid(), LOADER)).encode()]
`},
}

func serveSlowly(t *testing.T, kind string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("VERSION", "1")
	app.Write(slowly[kind].file, slowly[kind].text)
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(2), "preload = true")})
	harness.AwaitReady(t, p, 2)
	return p, app
}

// crash kills the front, and waits for the next.
func crash(t *testing.T, p *harness.Purser) {
	t.Helper()
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.Patience, "another front serves", func() bool {
		now := p.Fronts()
		return len(now) == 1 && now[0] != front
	})
	mustServe(t, p)
}

// sourceOf is the fork source of a generation, once there is one.
func sourceOf(t *testing.T, p *harness.Purser, generation int) (found harness.Source) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("generation %d has a source", generation), func() bool {
		all := p.Sources(t, "app")
		i := slices.IndexFunc(all, func(s harness.Source) bool { return s.Generation == generation })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// What loads the app when the front changes goes on with that, and has not to begin anew: the restart is neither failed nor
// late.
func TestASourceThatLoadsGoesOnWithTheNextFront(t *testing.T) {
	for kind := range slowly {
		for how, changes := range map[string]func(*testing.T, *harness.Purser){
			"in an upgrade":          upgradeToNext,
			"after a crash":          crash,
			"after both":             func(t *testing.T, p *harness.Purser) { upgradeToNext(t, p); crash(t, p) },
			"of a crash and another": func(t *testing.T, p *harness.Purser) { crash(t, p); crash(t, p) },
		} {
			t.Run(kind+" "+how, func(t *testing.T) {
				t.Parallel()
				p, app := serveSlowly(t, kind)
				app.Write("wait", "")
				app.Write("VERSION", "2")
				harness.StartCommand(t, p, "restart", "app", "--no-wait").MustExit(t, 0)
				source := sourceOf(t, p, 2)
				changes(t, p)
				if now := sourceOf(t, p, 2); now.PID != source.PID {
					t.Errorf("process %d has loaded the app, and %d does it now", source.PID, now.PID)
				}
				if err := os.Remove(app.Path("wait")); err != nil {
					t.Fatal(err)
				}
				harness.AwaitRestart(t, p, "app", 2)
				mustBeForkedBy(t, p, source.PID, 2)
				mustBeLoadedOnce(t, app, source.PID)

				victim := p.Status(t, "app").Ready()[0].PID
				if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				harness.AwaitRestartOf(t, p, "app", victim)
				harness.AwaitReady(t, p, 2)
				mustBeForkedBy(t, p, source.PID, 3)
				mustBeLoadedOnce(t, app, source.PID)
			})
		}
	}
}

// mustBeForkedBy expects that all that answers is of version 2 and comes from a source, which has forked so often.
func mustBeForkedBy(t *testing.T, p *harness.Purser, source, forked int) {
	t.Helper()
	for pid, body := range harness.AskEach(t, p, 2) {
		if !strings.HasPrefix(body, "v=2 ") || harness.WordIn(body, "loader") != strconv.Itoa(source) {
			t.Errorf("process %d says %q: it is to come from %d, and to be version 2", pid, body, source)
		}
	}
	if now := sourceOf(t, p, 2); now.PID != source || now.Forked != forked {
		t.Errorf("the source is %+v, and is to be %d and to have forked %d times", now, source, forked)
	}
}

// mustBeLoadedOnce expects that nobody else has loaded version 2.
func mustBeLoadedOnce(t *testing.T, app harness.App, source int) {
	t.Helper()
	loads, err := os.ReadFile(app.Path("loads"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(loads), "v=2 ") != 1 || !strings.Contains(string(loads), fmt.Sprintf("v=2 %d\n", source)) {
		t.Errorf("version 2 is to be loaded by %d alone:\n%s", source, loads)
	}
}
