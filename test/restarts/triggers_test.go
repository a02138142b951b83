package restarts

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// uWSGI core/master.c (a touch during a chain reload is logged and dropped), FrankenPHP phpmainthread.go
// (a restart during a restart is lost, and answered with 200), PM2 ("Reload already in progress"), the lost
// USR1 of puma's refork: a restart that comes during a restart makes that one superseded, whatever asks.
func TestRestartThatComesDuringARestartIsNeitherLostNorRefused(t *testing.T) {
	for _, trigger := range []struct {
		name string
		pull func(*testing.T, site.Site, *harness.Purser)
	}{
		{"a touch", func(t *testing.T, s site.Site, _ *harness.Purser) {
			harness.WriteFile(t, s.Current(), "tmp/restart.txt", "")
		}},
		{"the API", func(t *testing.T, _ site.Site, p *harness.Purser) { p.Order(t, "app", "{}") }},
		{"the command", func(t *testing.T, _ site.Site, p *harness.Purser) { harness.MustRestart(t, p, 0) }},
		{"a signal", func(_ *testing.T, _ site.Site, p *harness.Purser) { p.Signal(syscall.SIGUSR1) }},
	} {
		t.Run(trigger.name, func(t *testing.T) {
			t.Parallel()
			s := site.New(t, site.Release{Version: 1})
			p := s.Serve(3, "concurrency = 1")
			s.Deploy(site.Release{Version: 2, Boot: 300})
			first := harness.StartCommand(t, p, "restart", "app")
			harness.AwaitState(t, p, 2, "ready")
			wanted := s.Deploy(site.Release{Version: 3, Boot: 50})
			trigger.pull(t, s, p)
			first.MustExit(t, 3)
			harness.AwaitRestart(t, p, "app", 3)
			harness.MustAllBe(t, p, 3, 3, wanted)
			if all := p.Courses(t, "app"); len(all) != 2 || all[0].State != "done" || all[1].State != "superseded" {
				t.Errorf("of two restarts this is remembered: %+v", all)
			}
		})
	}
}

// Two faults of puma's fork_worker that have no thread: refork twice, before the loop looked, and the phase of
// the first worker ran ahead for ever, so that the next deploy did nothing. And a manager that counts
// requests instead of looking at what lives.
func TestStormOfTriggersDoesNotRunAheadOfTheNextDeploy(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(3, "concurrency = 1")
	for range 5 {
		p.Signal(syscall.SIGUSR1)
		harness.WriteFile(t, s.Current(), "tmp/restart.txt", "")
		p.Order(t, "app", "{}")
	}
	wanted := s.Deploy(site.Release{Version: 2})
	p.Order(t, "app", "{}")
	mustBeQuiet(t, p) // a signal or a touch may come after the last order, and is heeded, too
	harness.MustAllBe(t, p, 3, 2, wanted)
	next := s.Deploy(site.Release{Version: 3})
	harness.MustRestart(t, p, 0)
	harness.MustAllBe(t, p, 3, 3, next)
	for _, c := range p.Courses(t, "app") {
		if c.State != "done" && c.State != "superseded" {
			t.Errorf("restart %s to generation %d is %s", c.ID, c.Generation, c.State)
		}
	}
}

// mustBeQuiet waits until the last restart is done and none has followed it for longer than purser's poll.
func mustBeQuiet(t *testing.T, p *harness.Purser) {
	t.Helper()
	for last := -1; ; {
		harness.Eventually(t, harness.Patience, "no restart runs", func() bool { return harness.RestartState(p.Status(t, "app")) == "done" })
		now := p.Status(t, "app").Generation
		if now == last {
			return
		}
		last = now
		<-time.After(pollAndMore) // to see that nothing happens takes time
	}
}

// pollAndMore is longer than purser takes to notice what inotify does not tell it.
const pollAndMore = 1200 * time.Millisecond

// uWSGI master_checks.c (only a time that is newer counts), passenger#866 (a deleted restart.txt), Passenger's
// stat_throttle_rate (nothing is seen before a request comes), NFS with its whole seconds, and deploys that
// put another tmp in place: what counts is that the file is another. No request is ever sent here.
func TestEachWayToTouchTheRestartFileIsOneRestartAndItsDeletionNone(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(1, harness.RestartTable(`settle = "20ms"`))
	file := s.Current() + "/tmp/restart.txt"
	second := time.Now().Truncate(time.Second)
	set := func(at time.Time) error { return os.Chtimes(file, at, at) }
	make := func(at time.Time) error {
		if err := os.WriteFile(file+".new", nil, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(file+".new", at, at); err != nil {
			return err
		}
		return os.Rename(file+".new", file)
	}
	generation := 1
	for _, way := range []struct {
		name string
		do   func() error
	}{
		{"created", func() error { return os.WriteFile(file, nil, 0o644) }},
		{"a time in whole seconds", func() error { return set(second) }},
		{"the next whole second", func() error { return set(second.Add(time.Second)) }},
		{"back by a day", func() error { return set(second.Add(-24 * time.Hour)) }},
		{"another file with the same time", func() error { return make(second.Add(-24 * time.Hour)) }},
		{"deleted, then created with the same time", func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			noRestart(t, p, generation)
			return make(second.Add(-24 * time.Hour))
		}},
		{"tmp deleted, then another in its place", func() error {
			if err := os.RemoveAll(s.Current() + "/tmp"); err != nil {
				return err
			}
			noRestart(t, p, generation)
			if err := os.Mkdir(s.Current()+"/tmp", 0o755); err != nil {
				return err
			}
			return make(second)
		}},
	} {
		if err := way.do(); err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		generation++
		harness.Eventually(t, harness.Patience, way.name+" is one restart", func() bool {
			s := p.Status(t, "app")
			return s.Generation >= generation && harness.RestartState(s) == "done"
		})
		if now := p.Status(t, "app").Generation; now != generation {
			t.Fatalf("%s was %d restarts", way.name, now-generation+1)
		}
	}
	if processed := p.Status(t, "app").Ready()[0].Processed; processed != 0 {
		t.Errorf("somebody has sent %d requests", processed)
	}
}

// noRestart gives purser more time than its poll needs, and expects that nothing has come of what was done.
func noRestart(t *testing.T, p *harness.Purser, generation int) {
	t.Helper()
	<-time.After(pollAndMore) // to see that nothing happens takes time
	if now := p.Status(t, "app").Generation; now != generation {
		t.Fatalf("what is no touch was %d restarts", now-generation)
	}
}

// puma#1355: the tmp_restart plugin is silently inactive if something was not there at the start.
func TestRestartFileIsSeenThoughTmpCameAfterTheStart(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	if err := os.Remove(s.Current() + "/tmp"); err != nil {
		t.Fatal(err)
	}
	p := s.Serve(1)
	harness.WriteFile(t, s.Current(), "tmp/restart.txt", "")
	harness.AwaitRestart(t, p, "app", 2)
}

// Acceptance test 10 of the study: all releases share one tmp, as with Capistrano's linked folders. Then the
// same file is reached by the root and by the release that is live, and a flip brings no other.
func TestTouchInATmpThatAllReleasesShareIsOneRestart(t *testing.T) {
	t.Parallel()
	shared := harness.EmptyApp(t).Dir
	share := func(dir string) string {
		if err := os.Remove(dir + "/tmp"); err != nil {
			t.Fatal(err)
		}
		harness.Symlink(t, shared, dir+"/tmp")
		return dir
	}
	s := site.New(t, site.Release{Version: 1})
	share(site.CurrentOf(t, s))
	harness.WriteFile(t, shared, "restart.txt", "")
	p := s.Serve(2, "concurrency = 1", harness.RestartTable(`settle = "20ms"`))
	wanted := share(s.Deploy(site.Release{Version: 2}))
	noRestart(t, p, 1)
	if err := os.Chtimes(shared+"/restart.txt", time.Now(), time.Now()); err != nil { // to write it would be two changes
		t.Fatal(err)
	}
	harness.AwaitRestart(t, p, "app", 2)
	noRestart(t, p, 2)
	harness.MustAllBe(t, p, 2, 2, wanted)
	if note := site.AwaitNote(t, s, 2); note.State != "done" {
		t.Errorf("restart.status in the shared folder says %+v", note)
	}
}

// PM2's lock file of 30 s: after a reload that was interrupted the next is refused, or interleaves.
func TestInterruptedRestartCommandLeavesNoLockAndTheRestartGoesOn(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(3, "concurrency = 1")
	s.Deploy(site.Release{Version: 2, Boot: 300})
	ctx, kill := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx, "restart", "app") })
	harness.AwaitState(t, p, 2, "spawning")
	kill()
	running.Wait()
	harness.AwaitRestart(t, p, "app", 2)

	wanted := s.Deploy(site.Release{Version: 3})
	if result := harness.MustRestart(t, p, 0); result.Took > 5*time.Second {
		t.Errorf("the next restart took %v", result.Took)
	}
	harness.MustAllBe(t, p, 3, 3, wanted)
}

// uWSGI: what is touched many times is one restart, and the last touch counts, however near to the first.
func TestBurstOfTouchesIsOneRestartToTheNewest(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2, "concurrency = 1", harness.RestartTable(`settle = "500ms"`))
	wanted := ""
	for version := 2; version <= 6; version++ {
		wanted = s.Deploy(site.Release{Version: version})
		harness.WriteFile(t, s.Current(), "tmp/restart.txt", "")
		if version == 2 {
			harness.Eventually(t, harness.Patience, "the first touch was seen", func() bool { return p.Detail(t, "app").Release.Path == wanted })
		}
	}
	harness.Eventually(t, harness.Patience, "the last touch was seen", func() bool { return p.Detail(t, "app").Release.Path == wanted })
	harness.AwaitRestart(t, p, "app", 2)
	harness.MustAllBe(t, p, 2, 6, wanted)
	if all := p.Courses(t, "app"); len(all) != 1 || !strings.Contains(all[0].Reason, "restart.txt") {
		t.Errorf("five touches within settle are these restarts: %+v", all)
	}
	if a := p.AdminRequest(t, http.MethodGet, "/v1/restarts/nonsense", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("a restart that there never was is answered with %d", a.StatusCode)
	}
}
