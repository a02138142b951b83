package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// puma#185, #770, #776, FrankenPHP#2215, #2224, #2266, PM2#128, #1623, #1663, #2229, gunicorn#606, #1898,
// #2449, Passenger#646, #758, #789: the folder was resolved at the start, or anew for each process. One
// restart is one release: what the root led to when it was asked for.
func TestRootIsResolvedAtTheTriggerAndOnlyThen(t *testing.T) {
	for _, flip := range []struct {
		name  string
		story func(*testing.T, site, *harness.Purser) (wanted string)
	}{
		{"flipped before the trigger", func(t *testing.T, s site, p *harness.Purser) string {
			wanted := s.deploy(release{Version: 2})
			restart(t, p, 0)
			return wanted
		}},
		{"flipped, and touched through the symlink", func(t *testing.T, s site, p *harness.Purser) string {
			wanted := s.deploy(release{Version: 2})
			place(t, s.current(), "tmp/restart.txt", "")
			waitGeneration(t, p, "app", 2)
			return wanted
		}},
		{"flipped between the trigger and the first spawn", func(t *testing.T, s site, p *harness.Purser) string {
			busy := slowRequest(t, p, 1000) // nothing is spawned by a blocking restart before this has ended
			awaitBusy(t, p)
			wanted := s.deploy(release{Version: 2})
			p.Order(t, "app", `{"strategy":"blocking"}`)
			s.deploy(release{Version: 3})
			mustBeAnswered(t, busy)
			waitGeneration(t, p, "app", 2)
			return wanted
		}},
		{"flipped while it rolls", func(t *testing.T, s site, p *harness.Purser) string {
			wanted := s.deploy(release{Version: 2, Boot: 200})
			rolling := order(t, p, "restart", "app")
			awaitState(t, p, 2, "ready")
			s.deploy(release{Version: 3})
			rolling.mustExit(t, 0)
			return wanted
		}},
	} {
		t.Run(flip.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, release{Version: 1})
			p := s.serve(3, "concurrency = 1")
			wanted := flip.story(t, s, p)
			mustAllBe(t, p, 3, 2, wanted)
			if d := p.Detail(t, "app"); d.Release.Path != wanted || d.Restart.Release.Path != wanted {
				t.Errorf("status says that %s is wanted and the restart was for %s, not %s", d.Release.Path, d.Restart.Release.Path, wanted)
			}
		})
	}
}

// puma#185, #770, PM2#1663, gunicorn#606: the working directory of who started the server, which is the
// release of that day, became that of the app for ever. Here the app lies below the symlink, too.
func TestPurserStartedInsideAReleaseFollowsTheSymlink(t *testing.T) {
	t.Parallel()
	top := harness.EmptyApp(t).Dir
	lay := func(version int) string {
		dir := harness.EmptyApp(t).Dir
		place(t, dir, "web/release.json", fmt.Sprintf(`{"version":%d}`, version))
		link(t, dir, filepath.Join(top, "current"))
		return filepath.Join(dir, "web")
	}
	lay(1)
	p := harness.Serve(t, harness.Options{
		Before: []string{"sh", "-c", `cd "$0" && export PWD && exec "$@"`, filepath.Join(top, "current/web")},
		Args:   []string{"serve", ".", "--command", sitePath(t), "--processes", "2"},
	})
	wanted := lay(2)
	if result := p.Run(within(t), "restart", "web"); result.Code != 0 {
		t.Fatalf("purser restart exited with %d: %s", result.Code, result.Stderr)
	}
	for range 10 {
		if body := get(t, p, "/").Body; wordIn(body, "v") != "2" || wordIn(body, "cwd") != wanted {
			t.Fatalf("after the restart came %q, not version 2 from %s", body, wanted)
		}
	}
}

// puma#468: crashed workers came back with old code, or with new code that nobody had asked for;
// puma#2470: and were labelled as what they were not. A repair is of the code that the app is on.
func TestCrashedProcessComesBackWithTheCodeThatTheAppIsOn(t *testing.T) {
	t.Parallel()
	const n = 2
	s := newSite(t, release{Version: 1})
	old := currentOf(t, s)
	p := s.serve(n, "concurrency = 1")
	crash := func() {
		t.Helper()
		victim := p.Status(t, "app").Ready()[0].PID
		kill9(t, victim)
		harness.Eventually(t, patience, "the killed process is replaced", func() bool {
			s := p.Status(t, "app")
			return len(s.Ready()) == n && !slices.Contains(s.PIDs(), victim)
		})
	}

	s.deploy(release{Version: 2, Boot: 3000, Exit: "no such table"})
	crash() // nobody has asked for the new code yet
	mustAllBe(t, p, n, 1, old)
	failing := order(t, p, "restart", "app")
	awaitState(t, p, 2, "spawning")
	victim := p.Status(t, "app").Ready()[0].PID
	kill9(t, victim) // it was asked for, and has still to show whether it starts
	harness.Eventually(t, 2*time.Second, "the killed process is replaced by what works, before that", func() bool {
		return len(readyOf(p.Status(t, "app"), 1, victim)) == n
	})
	failing.mustExit(t, 1)
	crash() // it does not
	for _, process := range p.Status(t, "app").Ready() {
		if process.Release != old || process.Generation != 1 {
			t.Errorf("a process was replaced by one of generation %d from %s", process.Generation, process.Release)
		}
	}
	wanted := s.deploy(release{Version: 3})
	restart(t, p, 0)
	s.deploy(release{Version: 4})
	crash() // this one is what the app is on, whatever lies on disk since
	mustAllBe(t, p, n, 3, wanted)
}

// puma#2018, #2269, #2471 and those after it: the manager needed files of the release that it was started
// from, which a deploy tool removes after a few more.
func TestOldReleaseMayBeDeletedWhileItServes(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	old := currentOf(t, s)
	p := s.serve(3, "concurrency = 1")
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()
	wanted := s.deploy(release{Version: 2})
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	awaitAnswers(t, load, 50)
	kill9(t, p.Status(t, "app").Ready()[0].PID) // cannot be replaced by the same any more
	awaitAnswers(t, load, len(load.SoFar().Samples)+50)
	restart(t, p, 0)
	mustNotFail(t, load.End())
	mustAllBe(t, p, 3, 2, wanted)
}

// Acceptance test 10 of the study: current is deleted and made anew, as some deploy tools do.
func TestRestartWithoutACurrentReleaseIsRefusedAndTheOneAfterWorks(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	p := s.serve(2, "concurrency = 1")
	before := sortedPIDs(p.Status(t, "app").Ready())
	if err := os.Remove(s.current()); err != nil {
		t.Fatal(err)
	}
	result := restart(t, p, 1)
	mustSay(t, result.Stderr, "old code serves on")
	mustBeAnswered(t, slowRequest(t, p, 10))
	if now := sortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(now, before) {
		t.Errorf("a restart to nothing has touched what serves: %v, now %v", before, now)
	}
	wanted := s.deploy(release{Version: 2})
	restart(t, p, 0)
	mustAllBe(t, p, 2, 2, wanted)
}

// passenger#1872, #159, PM2#128: the program that was found at the first start, an older release's or the
// server's own, went on to be used.
func TestProgramOfTheNewReleaseIsWhatIsStarted(t *testing.T) {
	t.Parallel()
	s := newSite(t, release{Version: 1})
	program := func(dir string, version int) {
		place(t, dir, "bin/serve", fmt.Sprintf("#!/bin/sh\nexport STARTED_BY=%d\nexec %s\n", version, sitePath(t)))
	}
	program(currentOf(t, s), 1)
	p := serveSite(t, s, 2, `["./bin/serve"]`)
	for version := 1; version <= 3; version++ {
		if version > 1 {
			program(s.deploy(release{Version: version}), version)
			restart(t, p, 0)
		}
		for _, pid := range p.Status(t, "app").PIDs() {
			env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			if err != nil || !strings.Contains(string(env), fmt.Sprintf("\x00STARTED_BY=%d\x00", version)) {
				t.Errorf("process %d was not started by the program of version %d (%v): %q", pid, version, err, env)
			}
		}
	}
}
