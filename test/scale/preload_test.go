package scale

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"purser/test/harness"
)

// heavy are apps that have 100 MB in memory when they are loaded, and make a little garbage with each request.
var heavy = map[string]struct{ file, text string }{
	"ruby": {"config.ru", `
HELD = Array.new(900_000) { |i| "#{i} is held for as long as the app runs, like what a framework loads" }
run ->(_) { [200, { "content-type" => "text/plain" }, [(1..2000).map(&:to_s).join(" ")[0, 100]]] }
`},
	"python": {"wsgi.py", `
held = ["%d is held for as long as the app runs, like what a framework loads" % i for i in range(850_000)]
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(str(n) for n in range(2000))[:100].encode()]
`},
}

const (
	mostOfPlain = 0.6                    // of what a heavy app takes without preload
	mostOfPeer  = 1.05                   // of what a peer takes: for a Rails app of 4 we take the same, and runs differ
	mostSpawn   = 200 * time.Millisecond // until one more process is ready, the shortest of five
)

// What their processes are asked for.
var (
	anything = page{"/", 20}
	posts    = page{"/posts", 30}
	login    = page{"/login", 6} // which takes a core for long
)

func TestAPreloadedAppIsInMemoryOnceAndStartsAtOnce(t *testing.T) {
	for _, kind := range []string{"ruby", "python"} {
		for _, n := range []int{4, 8} {
			t.Run(fmt.Sprintf("%s/%d", kind, n), func(t *testing.T) {
				plain, plainSpawn := served(t, heavyApp(t, kind), n, anything, "preload = false")
				forked, spawn := served(t, heavyApp(t, kind), n, anything, "preload = true")
				t.Logf("%s, %d processes: %v with preload (the source included) and %v without; one more is ready after %v, and %v without",
					kind, n, forked, plain, spawn, plainSpawn)
				if float64(forked.app) > mostOfPlain*float64(plain.app) {
					t.Errorf("with preload it takes %.2f of what it takes without", float64(forked.app)/float64(plain.app))
				}
				mustBePrompt(t, spawn)
				if kind == "ruby" {
					mustTakeNoMoreThanPeers(t, heavyApp(t, kind), n, anything, forked)
				}
			})
		}
	}
}

func TestApplicationsOfRubyTakeNoMoreThanWithWhatElseForksThem(t *testing.T) {
	for _, a := range []struct {
		name string
		of   page
		make func(testing.TB) harness.App
	}{
		{"rails", posts, harness.RailsPosts},
		{"redmine", login, harness.RedmineApp},
	} {
		app := a.make(t)
		for _, n := range []int{4, 8} {
			t.Run(fmt.Sprintf("%s/%d", a.name, n), func(t *testing.T) {
				forked, spawn := served(t, app, n, a.of, "preload = true")
				t.Logf("%s, %d processes: %v; one more is ready after %v", a.name, n, forked, spawn)
				mustBePrompt(t, spawn)
				mustTakeNoMoreThanPeers(t, app, n, a.of, forked)
			})
		}
	}
}

func mustBePrompt(t *testing.T, spawn time.Duration) {
	t.Helper()
	if spawn > mostSpawn {
		t.Errorf("a process is ready after %v", spawn)
	}
}

func mustTakeNoMoreThanPeers(t *testing.T, app harness.App, n int, of page, ours memory) {
	t.Helper()
	for _, by := range peers {
		theirs := by.measure(t, app, n, of)
		t.Logf("%s: %v", by.name, theirs)
		if float64(ours.app) > mostOfPeer*float64(theirs.app) {
			t.Errorf("with preload it takes %.2f of what it takes with %s", float64(ours.app)/float64(theirs.app), by.name)
		}
	}
}

func heavyApp(t *testing.T, kind string) harness.App {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write(heavy[kind].file, heavy[kind].text)
	return app
}

// served is what an app takes when each of its processes has answered, and how long a process takes to be ready.
func served(t *testing.T, app harness.App, n int, of page, key string) (all memory, spawn time.Duration) {
	t.Helper()
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(n), "concurrency = 1", key), Env: []string{"PATH=/usr/bin:/bin"}})
	harness.AwaitReady(t, p, n)
	of.ask(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"+p.Addr, n)
	for _, process := range p.Family() {
		all.app += harness.PSS(process.PID)
	}
	for _, pid := range append([]int{p.PID(), p.Keeper(), p.Front()}, p.Helpers()...) {
		all.above += harness.PSS(pid)
	}
	for range 5 {
		victim := p.Status(t, "app").Ready()[0].PID
		begin := time.Now()
		harness.MustReplaceKilled(t, p, n, victim)
		if took := time.Since(begin); spawn == 0 || took < spawn {
			spawn = took.Round(time.Millisecond)
		}
	}
	// Puma loses a TERM that comes in the milliseconds between its first connection and its start: then stop_timeout ends it.
	if _, err := p.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	return all, spawn
}
