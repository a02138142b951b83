package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// answers says which release it is in, and by which command it was started: a command belongs to its release.
const answers = `
const version = require('fs').readFileSync('VERSION', 'utf8').trim()
require('http').createServer((_, r) => r.end(version + ' ' + (process.argv[2] || 'app'))).listen(process.env.PORT, '127.0.0.1')
`

// A deployed is an app whose root is a link to its current release.
type deployed struct {
	t    *testing.T
	link string
}

func newDeployed(t *testing.T) deployed {
	t.Helper()
	return deployed{t, filepath.Join(harness.EmptyApp(t).Dir, "current")}
}

// deploy makes a release current, with files by their names.
func (d deployed) deploy(version string, files map[string]string) {
	d.t.Helper()
	release := harness.EmptyApp(d.t)
	release.Write("VERSION", version)
	for name, text := range files {
		harness.WriteFile(d.t, release.Dir, name, text)
	}
	harness.Symlink(d.t, release.Dir, d.link)
}

func (d deployed) serve(keys ...string) *harness.Purser {
	d.t.Helper()
	p := harness.Serve(d.t, harness.Options{Config: harness.Config(d.link, append([]string{harness.Processes(2)}, keys...)...)})
	harness.AwaitReady(d.t, p, 2)
	return p
}

// again stops a purser and starts it anew.
func (d deployed) again(p *harness.Purser) *harness.Purser {
	d.t.Helper()
	if _, err := p.Stop(harness.ReadyLimit); err != nil {
		d.t.Fatal(err)
	}
	next := harness.Serve(d.t, harness.Options{Config: harness.Config(d.link, harness.Processes(2)), After: p})
	harness.AwaitReady(d.t, next, 2)
	return next
}

func procfile(line string) map[string]string {
	return map[string]string{"Procfile": "web: " + line + "\n", "web.js": answers}
}

func packageStart(line string) map[string]string {
	return map[string]string{"package.json": fmt.Sprintf(`{"scripts": {"start": %q}}`, line), "web.js": answers}
}

func passengerfile(text string) map[string]string {
	return map[string]string{"Passengerfile.json": text, "web.js": answers, "other.js": answers}
}

// mustAnswer expects that the app's newest answers, and those of each of its processes, are so.
func mustAnswer(t *testing.T, p *harness.Purser, want string) {
	t.Helper()
	for range 4 {
		if a := harness.Get(t, p, "/"); a.Body != want {
			t.Fatalf("%q answers, not %q", a.Body, want)
		}
	}
}

// mustReplace kills a process, and expects another that answers so.
func mustReplace(t *testing.T, p *harness.Purser, want string) {
	t.Helper()
	victim := p.Status(t, "app").Ready()[0].PID
	harness.Kill(t, victim)
	harness.Eventually(t, harness.Patience, "the killed process is replaced", func() bool {
		ready := p.Status(t, "app").Ready()
		return len(ready) == 2 && !slices.Contains(harness.SortedPIDs(ready), victim)
	})
	mustAnswer(t, p, want)
}

// Passenger finds out at each start what an app is; here it is each restart that does.
func TestARestartStartsAReleaseAsThatSays(t *testing.T) {
	for name, c := range map[string]struct {
		first, second map[string]string
		one, two      string // by which command they were started
	}{
		"another line of the Procfile":      {procfile("exec node web.js one"), procfile("exec node web.js two"), "one", "two"},
		"another start of package.json":     {packageStart("node web.js one"), packageStart("node web.js two"), "one", "two"},
		"package.json instead of Procfile":  {procfile("exec node web.js one"), packageStart("node web.js two"), "one", "two"},
		"another command of Passengerfile":  {passengerfile(`{"app_start_command": "exec node web.js one"}`), passengerfile(`{"app_start_command": "exec node other.js two"}`), "one", "two"},
		"a startup file instead of command": {procfile("exec node web.js one"), map[string]string{"app.js": answers}, "one", "app"},
		"another startup file":              {map[string]string{"app.js": answers}, map[string]string{"server.js": answers}, "app", "app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDeployed(t)
			d.deploy("1", c.first)
			p := d.serve()
			old, fresh := "1 "+c.one, "2 "+c.two
			mustAnswer(t, p, old)
			load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
			defer load.End()
			harness.AwaitAnswers(t, load, 50)

			d.deploy("2", c.second)
			harness.MustRestart(t, p, 0)
			mustAnswer(t, p, fresh)
			harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
			if r := p.Run(harness.Within(t), "rollback", "app"); r.Code != 0 {
				t.Fatalf("purser rollback exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
			mustAnswer(t, p, old)
			report := load.End()
			harness.MustNotFail(t, report)
			for _, s := range report.Samples {
				if s.Body != old && s.Body != fresh {
					t.Fatalf("%q has answered: a command of another release", s.Body)
				}
			}
			mustReplace(t, p, old)
			harness.Kill(t, p.Front())
			mustReplace(t, p, old)
			if r := p.Run(harness.Within(t), "upgrade"); r.Code != 0 {
				t.Fatalf("purser upgrade exits with %d: %s%s", r.Code, r.Stdout, r.Stderr)
			}
			mustReplace(t, p, old)
			p = d.again(p)
			mustReplace(t, p, old)
			harness.MustRestart(t, p, 0)
			mustAnswer(t, p, fresh)
		})
	}
}

func TestEveryTriggerLooksAtWhatTheReleaseSays(t *testing.T) {
	t.Parallel()
	d := newDeployed(t)
	d.deploy("1", procfile("exec node web.js 1"))
	p := d.serve()
	for i, trigger := range []func(){
		func() { harness.WriteFile(t, d.link, "tmp/restart.txt", "") },
		func() { p.Signal(syscall.SIGUSR1) },
		func() { p.Order(t, "app", `{"strategy":"blocking"}`) },
		func() { p.Order(t, "app", `{"strategy":"blue-green"}`) },
	} {
		version := fmt.Sprint(i + 2)
		d.deploy(version, procfile("exec node web.js "+version))
		trigger()
		harness.AwaitRestart(t, p, "app", i+2)
		mustAnswer(t, p, version+" "+version)
	}
}

func TestAReleaseThatCannotBeStartedChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDeployed(t)
	d.deploy("1", procfile("exec node web.js one"))
	p := d.serve()
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	for files, want := range map[string]string{
		"Procfile: jobs: node web.js":           "the Procfile has no line web",
		"package.json: {":                       "how to start it",
		"Passengerfile.json: {\"app_type\": 1":  "Passengerfile.json",
		"Procfile: web: exec node gone.js":      "gone.js",
		"Procfile: web: /nonexistent/server":    "nonexistent",
		"app.js: throw new Error('no license')": "no license",
	} {
		name, text, _ := strings.Cut(files, ": ")
		d.deploy("2", map[string]string{name: text})
		if r := harness.MustRestart(t, p, 1); !strings.Contains(r.Stderr, want) {
			t.Errorf("with %s, purser restart does not say %q: %s", files, want, r.Stderr)
		}
		harness.AwaitReady(t, p, 2)
		mustAnswer(t, p, "1 one")
	}
	harness.MustNotFail(t, load.End())
	mustReplace(t, p, "1 one")
	harness.Kill(t, p.Front())
	mustReplace(t, p, "1 one")
	d.deploy("3", procfile("exec node web.js three"))
	harness.MustRestart(t, p, 0)
	mustAnswer(t, p, "3 three")
}

func TestAStoppedAppIsStartedAsItsNewestReleaseSays(t *testing.T) {
	t.Parallel()
	d := newDeployed(t)
	d.deploy("1", procfile("exec node web.js one"))
	p := d.serve()
	for _, command := range []string{"stop", "start"} {
		if r := p.Run(harness.Within(t), command, "app"); r.Code != 0 {
			t.Fatalf("purser %s exits with %d: %s%s", command, r.Code, r.Stdout, r.Stderr)
		}
		if command == "stop" {
			d.deploy("2", packageStart("node web.js two"))
		}
	}
	mustAnswer(t, p, "2 two")
}

func TestAReleasesWorkersRunWhatItsProcfileSays(t *testing.T) {
	t.Parallel()
	d := newDeployed(t)
	lines := func(jobs string) map[string]string {
		return map[string]string{"Procfile": "web: exec node web.js app\njobs: " + jobs + "\nmail: exec sleep 7000\n", "web.js": answers}
	}
	runs := func(p *harness.Purser, want string) {
		t.Helper()
		for _, pid := range p.WorkerPIDs(t, "app") {
			if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || !strings.Contains(string(line), want) {
				t.Errorf("a worker is %q, not %s (%v)", line, want, err)
			}
		}
	}
	d.deploy("1", lines("exec sleep 8000"))
	p := d.serve("[apps.app.workers.jobs]\ncount = 2")
	harness.AwaitWorkers(t, p, "app", 1)
	runs(p, "8000")

	d.deploy("2", lines("exec sleep 9000"))
	harness.MustRestart(t, p, 0)
	harness.AwaitWorkers(t, p, "app", 2)
	runs(p, "9000")

	d.deploy("3", procfile("exec node web.js app"))
	if r := harness.MustRestart(t, p, 1); !strings.Contains(r.Stderr, "worker jobs has no command") {
		t.Errorf("purser restart says %s", r.Stderr)
	}
	runs(p, "9000")
	d.deploy("4", lines("exec false"))
	harness.MustRestart(t, p, 1)
	harness.AwaitWorkers(t, p, "app", 2)
	runs(p, "9000")
}
