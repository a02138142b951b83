package test

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
)

// puma#2470, #3690, #3853: with fork_worker the second phased restart left half of the workers with the
// old code, while every label said the new phase.
func TestSecondRestartLeavesNoStaleProcessBehindNewLabels(t *testing.T) {
	t.Parallel()
	const n = 4
	s := newSite(t, release{Version: 1})
	p := s.serve(n, "concurrency = 1")
	labels := observe(t, p, falseLabel)
	for version := 2; version <= 4; version++ {
		busy := []*wire{slowRequest(t, p, 700), slowRequest(t, p, 900)} // so that what is first replaced is not first gone
		dir := s.deploy(release{Version: version, Boot: 100})
		restart(t, p, 0)
		mustBeAnswered(t, busy...)
		mustAllBe(t, p, n, version, dir)
	}
	labels.end()
}

// puma#2786, #3225, #3568: the first new worker, which is silent as long as the others roll, was taken for
// dead and killed; what came in its place was forked from the old one.
func TestNewProcessThatIsSilentDuringALongRollLivesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	p := s.serve(3, "concurrency = 1")
	busy := []*wire{slowRequest(t, p, 3000), slowRequest(t, p, 3000), slowRequest(t, p, 3000)}
	harness.Eventually(t, patience, "all are busy", func() bool {
		return !slices.ContainsFunc(p.Status(t, "app").Ready(), func(p harness.Process) bool { return p.Requests == 0 })
	})
	dir := s.deploy(release{Version: 2})
	rolling := order(t, p, "restart", "app")
	first := awaitState(t, p, 2, "ready")
	rolling.mustExit(t, 0)
	mustBeAnswered(t, busy...)
	mustAllBe(t, p, 3, 2, dir)
	if !slices.Contains(p.Status(t, "app").PIDs(), first) {
		t.Errorf("process %d, the first with the new code, did not live to see the end of the roll", first)
	}
}

// puma#2470 (crash in the window), #468, passenger#400: what repairs a crash in mid-roll was made from
// whatever was at hand, and was called new.
func TestCrashInMidRollIsNotRepairedByCodeWithTheWrongLabel(t *testing.T) {
	t.Parallel()
	const n = 4
	s := newSite(t, release{Version: 1})
	p := s.serve(n, "concurrency = 1")
	labels := observe(t, p, falseLabel)
	dir := s.deploy(release{Version: 2, Boot: 300})
	rolling := order(t, p, "restart", "app")
	fresh := awaitState(t, p, 2, "ready")
	kill9(t, awaitState(t, p, 1, "ready"))
	kill9(t, fresh)
	rolling.mustExit(t, 0)
	awaitReady(t, p, n)
	mustAllBe(t, p, n, 2, dir)
	labels.end()
}

// uWSGI core/master.c: a worker in mid-boot at its turn is skipped by a chain reload. nginx Unit does it
// right: what arrives late with an older generation is told to quit.
func TestProcessInMidBootAtTheRestartIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1, Boot: 700})
	program := sitePath(t)
	p := harness.Serve(t, harness.Options{Config: config(s.current(), "command = ["+strconv.Quote(program)+"]",
		"min_processes = 1\nmax_processes = 3\nconcurrency = 1")})
	waiting := []*wire{slowRequest(t, p, 1500), slowRequest(t, p, 1500), slowRequest(t, p, 1500)}
	awaitState(t, p, 1, "spawning")
	dir := s.deploy(release{Version: 2})
	restart(t, p, 0)
	mustBeAnswered(t, waiting...)
	status := p.Status(t, "app")
	for _, process := range status.Processes {
		if process.Generation != 2 || process.Release != dir {
			t.Errorf("after the restart lives a process that was forgotten:\n%s", describe(status))
		}
	}
	mustOnlyLive(t, p, len(status.Ready()), dir)
}

// Invariant I1, for puma#2470 and #3853: who answers is taken at its word. Here the new release has its
// port answered by a process that purser did not start for it.
func TestProcessWhosePortIsAnsweredByAnotherIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	const serve = "#!/bin/sh\nexec node -e 'require(\"http\").createServer((q, r) => r.end(\"v=1\")).listen(process.env.PORT, \"127.0.0.1\")'\n"
	place(t, currentOf(t, s), "start", serve)
	p := serveSite(t, s, 2, `["./start"]`)

	dir := s.deploy(release{Version: 2})
	// It leaves the process group, as a daemon does, so purser could neither stop nor wait for it.
	stray := filepath.Join(dir, "stray")
	place(t, dir, "start", "#!/bin/sh\nsetsid node -e 'require(\"http\").createServer((q, r) => r.end(\"v=2\")).listen(process.env.PORT, \"127.0.0.1\");"+
		" require(\"fs\").writeFileSync(\""+stray+"\", String(process.pid)); setTimeout(() => process.exit(), 15000)' &\nsleep 1000\n")
	t.Cleanup(func() {
		if text, err := os.ReadFile(stray); err == nil {
			pid, _ := strconv.Atoi(string(text))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	result := restart(t, p, 1)
	mustSay(t, result.Stderr, "not by this process")
	for range 10 {
		if a := get(t, p, "/"); a.Body != "v=1" {
			t.Fatalf("a stranger answered: %d %q", a.StatusCode, a.Body)
		}
	}
}

// puma#3690: with a phase that was raised in two steps a refork loaded the app twice; puma#3601: and what
// was to happen after it never did.
func TestRestartLoadsEachProcessExactlyOnce(t *testing.T) {
	t.Parallel()
	const n = 3
	s := newSite(t, release{Version: 1})
	start := "#!/bin/sh\necho $$ >>boots\nexec " + sitePath(t) + "\n"
	place(t, currentOf(t, s), "start", start)
	p := serveSite(t, s, n, `["./start"]`)
	for version := 2; version <= 3; version++ {
		dir := s.deploy(release{Version: version, Boot: 50})
		place(t, dir, "start", start)
		restart(t, p, 0)
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
		if live := sortedPIDs(p.Status(t, "app").Processes); !slices.Equal(booted, live) {
			t.Errorf("the release was loaded by %v, and %v serve", booted, live)
		}
	}
}

// puma#3290, #1860: title and state file named the release of the first start for ever.
func TestWhatIsShownIsWhatEachProcessRuns(t *testing.T) {
	t.Parallel()
	const n = 4
	s := newSite(t, release{Version: 1})
	old := currentOf(t, s)
	p := s.serve(n, "concurrency = 1")
	dir := s.deploy(release{Version: 2})
	restart(t, p, 0, "--canary", "1") // one new process beside three old ones, for as long as we like

	answers := census(t, p, n)
	count := map[string]int{}
	for _, process := range p.Status(t, "app").Processes {
		count[process.Release]++
		if body := answers[process.PID]; wordIn(body, "cwd") != process.Release || generationIn(body) != process.Generation {
			t.Errorf("process %d is shown with generation %d of %s, and says %q", process.PID, process.Generation, process.Release, body)
		}
	}
	if count[old] != 3 || count[dir] != 1 {
		t.Errorf("a canary of 1 of 4 is shown as %v", count)
	}
	metrics := p.AdminRequest(t, "GET", "/metrics", nil).Body
	mustSay(t, metrics, `purser_processes{app="app",generation="1",state="ready"} 3`, `purser_processes{app="app",generation="2",state="ready"} 1`,
		`purser_restart_canary{app="app"} 1`, `purser_generation{app="app"} 2`)
	text := p.Run(within(t), "status").Stdout
	mustSay(t, text, "Release : "+dir, "Canary: 1 of 4 processes runs generation 2")
	if got := strings.Count(text, "Ready (canary)"); got != 1 {
		t.Errorf("status shows %d canaries:\n%s", got, text)
	}

	if result := p.Run(within(t), "promote", "app"); result.Code != 0 {
		t.Errorf("purser promote exited with %d: %s", result.Code, result.Stderr)
	}
	mustAllBe(t, p, n, 2, dir)
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
