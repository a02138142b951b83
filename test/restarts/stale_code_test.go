package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#2470, #3690, #3853: with fork_worker the second phased restart left half of the workers with the
// old code, while every label said the new phase.
func TestSecondRestartLeavesNoStaleProcessBehindNewLabels(t *testing.T) {
	t.Parallel()
	const n = 4
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, "concurrency = 1")
	labels := harness.Observe(t, p, falseLabel)
	for version := 2; version <= 4; version++ {
		busy := []*harness.Conn{harness.SlowRequest(t, p, 700), harness.SlowRequest(t, p, 900)} // so that what is first replaced is not first gone
		dir := s.Deploy(site.Release{Version: version, Boot: 100})
		harness.MustRestart(t, p, 0)
		harness.MustBeAnswered(t, busy...)
		harness.MustAllBe(t, p, n, version, dir)
	}
	labels.End()
}

// puma#2786, #3225, #3568: the first new worker, which is silent as long as the others roll, was taken for
// dead and killed; what came in its place was forked from the old one.
func TestNewProcessThatIsSilentDuringALongRollLivesOn(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(3, "concurrency = 1")
	busy := []*harness.Conn{harness.SlowRequest(t, p, 3000), harness.SlowRequest(t, p, 3000), harness.SlowRequest(t, p, 3000)}
	harness.Eventually(t, harness.Patience, "all are busy", func() bool {
		return !slices.ContainsFunc(p.Status(t, "app").Ready(), func(p harness.Process) bool { return p.Requests == 0 })
	})
	dir := s.Deploy(site.Release{Version: 2})
	rolling := harness.StartCommand(t, p, "restart", "app")
	first := harness.AwaitState(t, p, 2, "ready")
	rolling.MustExit(t, 0)
	harness.MustBeAnswered(t, busy...)
	harness.MustAllBe(t, p, 3, 2, dir)
	if !slices.Contains(p.Status(t, "app").PIDs(), first) {
		t.Errorf("process %d, the first with the new code, did not live to see the end of the roll", first)
	}
}

// puma#2470 (crash in the window), #468, passenger#400: what repairs a crash in mid-roll was made from
// whatever was at hand, and was called new.
func TestCrashInMidRollIsNotRepairedByCodeWithTheWrongLabel(t *testing.T) {
	t.Parallel()
	const n = 4
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, "concurrency = 1")
	labels := harness.Observe(t, p, falseLabel)
	dir := s.Deploy(site.Release{Version: 2, Boot: 300})
	rolling := harness.StartCommand(t, p, "restart", "app")
	fresh := harness.AwaitState(t, p, 2, "ready")
	harness.Kill(t, harness.AwaitState(t, p, 1, "ready"))
	harness.Kill(t, fresh)
	rolling.MustExit(t, 0)
	harness.AwaitReady(t, p, n)
	harness.MustAllBe(t, p, n, 2, dir)
	labels.End()
}

// uWSGI core/master.c: a worker in mid-boot at its turn is skipped by a chain reload. nginx Unit does it
// right: what arrives late with an older generation is told to quit.
func TestProcessInMidBootAtTheRestartIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1, Boot: 700})
	program := site.Program(t)
	p := harness.Serve(t, harness.Options{Config: harness.Config(s.Current(), "command = ["+strconv.Quote(program)+"]",
		"min_processes = 1\nmax_processes = 3\nconcurrency = 1")})
	waiting := []*harness.Conn{harness.SlowRequest(t, p, 1500), harness.SlowRequest(t, p, 1500), harness.SlowRequest(t, p, 1500)}
	harness.AwaitState(t, p, 1, "spawning")
	dir := s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0)
	harness.MustBeAnswered(t, waiting...)
	status := p.Status(t, "app")
	for _, process := range status.Processes {
		if process.Generation != 2 || process.Release != dir {
			t.Errorf("after the restart lives a process that was forgotten:\n%s", harness.Describe(status))
		}
	}
	harness.MustOnlyLive(t, p, len(status.Ready()), dir)
}

// Invariant I1, for puma#2470 and #3853: who answers is taken at its word. Here the new release has its
// port answered by a process that purser did not start for it.
func TestProcessWhosePortIsAnsweredByAnotherIsRefused(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	const serve = "#!/bin/sh\nexec node -e 'require(\"http\").createServer((q, r) => r.end(\"v=1\")).listen(process.env.PORT, \"127.0.0.1\")'\n"
	harness.WriteFile(t, site.CurrentOf(t, s), "start", serve)
	p := site.ServeCommand(t, s, 2, `["./start"]`)

	dir := s.Deploy(site.Release{Version: 2})
	// It leaves the process group, as a daemon does, so purser could neither stop nor wait for it.
	stray := filepath.Join(dir, "stray")
	harness.WriteFile(t, dir, "start", "#!/bin/sh\nsetsid node -e 'require(\"http\").createServer((q, r) => r.end(\"v=2\")).listen(process.env.PORT, \"127.0.0.1\");"+
		" require(\"fs\").writeFileSync(\""+stray+"\", String(process.pid)); setTimeout(() => process.exit(), 15000)' &\nsleep 1000\n")
	t.Cleanup(func() {
		if text, err := os.ReadFile(stray); err == nil {
			pid, _ := strconv.Atoi(string(text))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	result := harness.MustRestart(t, p, 1)
	harness.MustSay(t, result.Stderr, "not by this process")
	for range 10 {
		if a := harness.Get(t, p, "/"); a.Body != "v=1" {
			t.Fatalf("a stranger answered: %d %q", a.StatusCode, a.Body)
		}
	}
}

// puma#3690: with a phase that was raised in two steps a refork loaded the app twice; puma#3601: and what
// was to happen after it never did.
func TestRestartLoadsEachProcessExactlyOnce(t *testing.T) {
	t.Parallel()
	const n = 3
	s := site.New(t, site.Release{Version: 1})
	start := "#!/bin/sh\necho $$ >>boots\nexec " + site.Program(t) + "\n"
	harness.WriteFile(t, site.CurrentOf(t, s), "start", start)
	p := site.ServeCommand(t, s, n, `["./start"]`)
	for version := 2; version <= 3; version++ {
		dir := s.Deploy(site.Release{Version: version, Boot: 50})
		harness.WriteFile(t, dir, "start", start)
		harness.MustRestart(t, p, 0)
		text, err := os.ReadFile(filepath.Join(dir, "boots"))
		if err != nil {
			t.Fatal(err)
		}
		var booted []int
		for word := range strings.FieldsSeq(string(text)) {
			pid, _ := strconv.Atoi(word)
			booted = append(booted, pid)
		}
		slices.Sort(booted)
		if live := harness.SortedPIDs(p.Status(t, "app").Processes); !slices.Equal(booted, live) {
			t.Errorf("the release was loaded by %v, and %v serve", booted, live)
		}
	}
}

// puma#3290, #1860: title and state file named the release of the first start for ever.
func TestWhatIsShownIsWhatEachProcessRuns(t *testing.T) {
	t.Parallel()
	const n = 4
	s := site.New(t, site.Release{Version: 1})
	old := site.CurrentOf(t, s)
	p := s.Serve(n, "concurrency = 1")
	dir := s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0, "--canary", "1") // one new process beside the old ones, for as long as we like

	answers := harness.AskEach(t, p, n+1)
	count := map[string]int{}
	for _, process := range p.Status(t, "app").Processes {
		count[process.Release]++
		if body := answers[process.PID]; harness.WordIn(body, "cwd") != process.Release || harness.GenerationIn(body) != process.Generation {
			t.Errorf("process %d is shown with generation %d of %s, and says %q", process.PID, process.Generation, process.Release, body)
		}
	}
	if count[old] != n || count[dir] != 1 {
		t.Errorf("a canary of 1 beside 4 is shown as %v", count)
	}
	metrics := p.AdminRequest(t, "GET", "/metrics", nil).Body
	harness.MustSay(t, metrics, `purser_processes{app="app",generation="1",state="ready"} 4`, `purser_processes{app="app",generation="2",state="ready"} 1`,
		`purser_restart_canary{app="app"} 1`, `purser_generation{app="app"} 2`)
	text := p.Run(harness.Within(t), "status").Stdout
	harness.MustSay(t, text, "Release : "+dir, "Canary: 1 process of generation 2 beside 4 old")
	if got := strings.Count(text, "Ready (canary)"); got != 1 {
		t.Errorf("status shows %d canaries:\n%s", got, text)
	}

	if result := p.Run(harness.Within(t), "promote", "app"); result.Code != 0 {
		t.Errorf("purser promote exited with %d: %s", result.Code, result.Stderr)
	}
	harness.MustAllBe(t, p, n, 2, dir)
}

// falseLabel is a check that finds it wrong if a process runs elsewhere than purser says.
func falseLabel(s harness.Status) string {
	for _, p := range s.Processes {
		dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.PID))
		if p.PID != 0 && err == nil && dir != p.Release {
			return fmt.Sprintf("process %d is said to run %s, but runs %s", p.PID, p.Release, dir)
		}
	}
	return ""
}
