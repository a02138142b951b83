package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#185, #770, #776, FrankenPHP#2215, #2224, #2266, PM2#128, #1623, #1663, #2229, gunicorn#606, #1898,
// #2449, Passenger#646, #758, #789: the folder was resolved at the start, or anew for each process. One
// restart is one release: what the root led to when it was asked for.
func TestRootIsResolvedAtTheTriggerAndOnlyThen(t *testing.T) {
	for _, flip := range []struct {
		name  string
		story func(*testing.T, site.Site, *harness.Purser) (wanted string)
	}{
		{"flipped before the trigger", func(t *testing.T, s site.Site, p *harness.Purser) string {
			wanted := s.Deploy(site.Release{Version: 2})
			harness.MustRestart(t, p, 0)
			return wanted
		}},
		{"flipped, and touched through the symlink", func(t *testing.T, s site.Site, p *harness.Purser) string {
			wanted := s.Deploy(site.Release{Version: 2})
			harness.WriteFile(t, s.Current(), "tmp/restart.txt", "")
			harness.AwaitRestart(t, p, "app", 2)
			return wanted
		}},
		{"flipped between the trigger and the first spawn", func(t *testing.T, s site.Site, p *harness.Purser) string {
			busy := harness.SlowRequest(t, p, 1000) // nothing is spawned by a blocking restart before this has ended
			awaitBusy(t, p)
			wanted := s.Deploy(site.Release{Version: 2})
			p.Order(t, "app", `{"strategy":"blocking"}`)
			s.Deploy(site.Release{Version: 3})
			harness.MustBeAnswered(t, busy)
			harness.AwaitRestart(t, p, "app", 2)
			return wanted
		}},
		{"flipped while it rolls", func(t *testing.T, s site.Site, p *harness.Purser) string {
			wanted := s.Deploy(site.Release{Version: 2, Boot: 200})
			rolling := harness.StartCommand(t, p, "restart", "app")
			harness.AwaitState(t, p, 2, "ready")
			s.Deploy(site.Release{Version: 3})
			rolling.MustExit(t, 0)
			return wanted
		}},
	} {
		t.Run(flip.name, func(t *testing.T) {
			t.Parallel()
			s := site.New(t, site.Release{Version: 1})
			p := s.Serve(3, "concurrency = 1")
			wanted := flip.story(t, s, p)
			harness.MustAllBe(t, p, 3, 2, wanted)
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
		harness.WriteFile(t, dir, "web/release.json", fmt.Sprintf(`{"version":%d}`, version))
		harness.Symlink(t, dir, filepath.Join(top, "current"))
		return filepath.Join(dir, "web")
	}
	lay(1)
	p := harness.Serve(t, harness.Options{
		Before: []string{"sh", "-c", `cd "$0" && export PWD && exec "$@"`, filepath.Join(top, "current/web")},
		Args:   []string{"serve", ".", "--command", site.Program(t), "--processes", "2"},
	})
	wanted := lay(2)
	if result := p.Run(harness.Within(t), "restart", "web"); result.Code != 0 {
		t.Fatalf("purser restart exited with %d: %s", result.Code, result.Stderr)
	}
	for range 10 {
		if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" || harness.WordIn(body, "cwd") != wanted {
			t.Fatalf("after the restart came %q, not version 2 from %s", body, wanted)
		}
	}
}

// puma#468: crashed workers came back with old code, or with new code that nobody had asked for;
// puma#2470: and were labelled as what they were not. A repair is of the code that the app is on.
func TestCrashedProcessComesBackWithTheCodeThatTheAppIsOn(t *testing.T) {
	t.Parallel()
	const n = 2
	s := site.New(t, site.Release{Version: 1})
	old := site.CurrentOf(t, s)
	p := s.Serve(n, "concurrency = 1")
	crash := func() {
		t.Helper()
		victim := p.Status(t, "app").Ready()[0].PID
		harness.MustReplaceKilled(t, p, n, victim)
	}

	s.Deploy(site.Release{Version: 2, Boot: 3000, Exit: "no such table"})
	crash() // nobody has asked for the new code yet
	harness.MustAllBe(t, p, n, 1, old)
	failing := harness.StartCommand(t, p, "restart", "app")
	harness.AwaitState(t, p, 2, "spawning")
	victim := p.Status(t, "app").Ready()[0].PID
	harness.Kill(t, victim) // it was asked for, and has still to show whether it starts
	harness.Eventually(t, 2*time.Second, "the killed process is replaced by what works, before that", func() bool {
		return len(readyOf(p.Status(t, "app"), 1, victim)) == n
	})
	failing.MustExit(t, 1)
	crash() // it does not
	for _, process := range p.Status(t, "app").Ready() {
		if process.Release != old || process.Generation != 1 {
			t.Errorf("a process was replaced by one of generation %d from %s", process.Generation, process.Release)
		}
	}
	wanted := s.Deploy(site.Release{Version: 3})
	harness.MustRestart(t, p, 0)
	s.Deploy(site.Release{Version: 4})
	crash() // this one is what the app is on, whatever lies on disk since
	harness.MustAllBe(t, p, n, 3, wanted)
}

// puma#2018, #2269, #2471 and those after it: the manager needed files of the release that it was started
// from, which a deploy tool removes after a few more.
func TestOldReleaseMayBeDeletedWhileItServes(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	old := site.CurrentOf(t, s)
	p := s.Serve(3, "concurrency = 1")
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()
	wanted := s.Deploy(site.Release{Version: 2})
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	harness.AwaitAnswers(t, load, 50)
	harness.Kill(t, p.Status(t, "app").Ready()[0].PID) // cannot be replaced by the same any more
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+50)
	harness.MustRestart(t, p, 0)
	harness.MustNotFail(t, load.End())
	harness.MustAllBe(t, p, 3, 2, wanted)
}

// Acceptance test 10 of the study: current is deleted and made anew, as some deploy tools do.
func TestRestartWithoutACurrentReleaseIsRefusedAndTheOneAfterWorks(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2, "concurrency = 1")
	before := harness.SortedPIDs(p.Status(t, "app").Ready())
	if err := os.Remove(s.Current()); err != nil {
		t.Fatal(err)
	}
	result := harness.MustRestart(t, p, 1)
	harness.MustSay(t, result.Stderr, "old code serves on")
	harness.MustBeAnswered(t, harness.SlowRequest(t, p, 10))
	if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(now, before) {
		t.Errorf("a restart to nothing has touched what serves: %v, now %v", before, now)
	}
	wanted := s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0)
	harness.MustAllBe(t, p, 2, 2, wanted)
}

// passenger#1872, #159, PM2#128: the program that was found at the first start, an older release's or the
// server's own, went on to be used.
func TestProgramOfTheNewReleaseIsWhatIsStarted(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	program := func(dir string, version int) {
		harness.WriteFile(t, dir, "bin/serve", fmt.Sprintf("#!/bin/sh\nexport STARTED_BY=%d\nexec %s\n", version, site.Program(t)))
	}
	program(site.CurrentOf(t, s), 1)
	p := site.ServeCommand(t, s, 2, `["./bin/serve"]`)
	for version := 1; version <= 3; version++ {
		if version > 1 {
			program(s.Deploy(site.Release{Version: version}), version)
			harness.MustRestart(t, p, 0)
		}
		for _, pid := range p.Status(t, "app").PIDs() {
			env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			if err != nil || !strings.Contains(string(env), fmt.Sprintf("\x00STARTED_BY=%d\x00", version)) {
				t.Errorf("process %d was not started by the program of version %d (%v): %q", pid, version, err, env)
			}
		}
	}
}
