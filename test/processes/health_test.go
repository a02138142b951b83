package processes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// asked is an app that notes what it is asked for, one file for each process, and answers its health checks
// with the statuses in CHECKS, of which the last counts for all that follow.
const asked = `
const fs = require('fs');
const checks = fs.readFileSync('CHECKS', 'utf8').trim().split(' ');
require('http').createServer((request, response) => {
  const status = request.url === '/up' ? checks.length > 1 ? checks.shift() : checks[0] : request.url === '/bad' ? 500 : 200;
  fs.appendFileSync('asked-' + process.pid, [Date.now(), request.url, status, request.headers.host].join(' ') + '\n');
  response.writeHead(status);
  response.end('pid=' + process.pid);
}).listen(process.env.PURSER_SOCKET);
`

// A question is one line of what it was asked.
type question struct {
	at     time.Time
	url    string
	status string
	host   string
}

func (q question) String() string { return q.url + " " + q.status }

// questions are those to one process.
func questions(t *testing.T, dir string, pid int) []question {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("asked-%d", pid)))
	if err != nil {
		t.Fatalf("process %d was asked nothing: %v", pid, err)
	}
	var all []question
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		ms, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil || len(words) != 4 {
			t.Fatalf("an app has noted %q", line)
		}
		all = append(all, question{time.UnixMilli(ms), words[1], words[2], words[3]})
	}
	return all
}

// serveAsked serves the app with health keys. It does not wait for it.
func serveAsked(t *testing.T, checks string, n int, keys ...string) (*harness.Purser, harness.App) {
	t.Helper()
	app := harness.EmptyApp(t)
	app.Write("app.cjs", asked)
	app.Write("CHECKS", checks)
	keys = append([]string{`command = ["node", "app.cjs"]`, harness.Processes(n)}, keys...)
	return harness.Start(t, harness.Options{Config: harness.Config(app.Dir, keys...)}), app
}

func TestFirstVisitorComesAfterTheChecksInARowAndTheWarmUp(t *testing.T) {
	t.Parallel()
	const interval = 150 * time.Millisecond
	p, app := serveAsked(t, "503 200 204 503 204 204 204", 2, harness.HealthTable(`path = "/up"`, `expect = "204"`, "passes = 3",
		fmt.Sprintf("interval = %q", interval), `host = "health.test"`, `warmup = ["/first?q=1", "/second"]`))
	// 200 is not what is expected, and a check that fails in between begins the row anew.
	want := []string{"/up 503", "/up 200", "/up 204", "/up 503", "/up 204", "/up 204", "/up 204", "/first?q=1 200", "/second 200"}
	harness.Eventually(t, harness.Patience, "purser listens", func() bool { return !harness.Refuses(p) })
	early := harness.Get(t, p, "/visitor") // comes before anything is ready, and waits
	if early.StatusCode != 200 {
		t.Fatalf("the first visitor got %d: %s", early.StatusCode, early.Body)
	}
	harness.AwaitReady(t, p, 2)
	load := harness.Load{Addr: p.Addr, Rate: 100, Path: "/visitor"}.Begin()
	defer load.End()
	harness.MustRestart(t, p, 0)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
	harness.MustNotFail(t, load.End())

	visitors := 0
	for _, process := range p.Status(t, "app").Ready() {
		all := questions(t, app.Dir, process.PID)
		visitors += len(all) - len(want)
		var began []string
		for _, q := range all[:min(len(all), len(want))] {
			began = append(began, q.String())
		}
		if !slices.Equal(began, want) {
			t.Errorf("process %d was first asked %v, not %v", process.PID, began, want)
		}
		for i, q := range all {
			if i < len(want) && q.host != "health.test" {
				t.Errorf("process %d was asked for %s on %s", process.PID, q, q.host)
			}
			if i > 0 && i < 7 && q.at.Sub(all[i-1].at) < interval-20*time.Millisecond {
				t.Errorf("process %d had %v between two checks, not %v", process.PID, q.at.Sub(all[i-1].at), interval)
			}
			if i >= len(want) && q.url != "/visitor" {
				t.Errorf("after its first visitor process %d was asked for %s", process.PID, q)
			}
		}
	}
	if visitors <= 0 {
		t.Error("the new processes never had a visitor")
	}
}

func TestStartFailsByWhatTheAppAnswersToItsChecks(t *testing.T) {
	for _, bad := range []struct {
		name   string
		checks string
		health []string
		says   []string
		once   string // a path that is asked for exactly once
	}{
		{"500 to a warm-up request", "200", []string{`path = "/up"`, `warmup = ["/good", "/bad", "/never"]`}, []string{"/bad", "500"}, "/bad"},
		{"never what is expected", "500", []string{`path = "/up"`, `interval = "100ms"`}, []string{"/up", "500", "start_timeout"}, ""},
		{"never often enough in a row", "200 200 500 200 200 500 200 200 500 200 200 500 200 500", []string{`path = "/up"`, "passes = 3", `interval = "300ms"`},
			[]string{"/up", "start_timeout"}, ""},
	} {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			app := harness.EmptyApp(t)
			app.Write("app.cjs", "require('http').createServer((q, r) => r.end('old')).listen(process.env.PURSER_SOCKET);")
			p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, `command = ["node", "app.cjs"]`, harness.Processes(1), `start_timeout = "5s"`, harness.HealthTable(bad.health...))})
			before := harness.SortedPIDs(p.Status(t, "app").Ready())
			app.Write("CHECKS", bad.checks)
			app.Write("app.cjs", asked)
			load := harness.Load{Addr: p.Addr, Rate: 50, Path: "/visitor"}.Begin()
			defer load.End()
			result := harness.MustRestart(t, p, 1)
			harness.MustSay(t, result.Stderr, bad.says...)
			report := load.End()
			harness.MustNotFail(t, report)
			if wrong := report.Where(func(s harness.Sample) bool { return s.Body != "old" }); len(wrong) > 0 {
				t.Errorf("%d visitors got to code that did not pass, as %q", len(wrong), wrong[0].Body)
			}
			if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(before, now) {
				t.Errorf("the old processes were %v, and are %v", before, now)
			}
			files, err := filepath.Glob(app.Dir + "/asked-*")
			if err != nil || len(files) == 0 {
				t.Fatalf("the new code was asked nothing (%v)", err)
			}
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if bad.once != "" && strings.Count(string(text), " "+bad.once+" ") != 1 || strings.Contains(string(text), "/never") {
				t.Errorf("the new code was asked: %s", text)
			}
		})
	}
}
