package operators

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#563 ("restart" prints success, the server is dead), #2213 (wait until it has booted), #2465, #2527 (how
// do I know?), #1663 (a phased restart that never ends), FrankenPHP#2224 ("restarted successfully"), gunicorn
// and unicorn (HUP with preloaded code does nothing): exit code, status, note and answers agree.
func TestRestartTellsTheTruth(t *testing.T) {
	const boot = 400
	for _, story := range []struct {
		name    string
		deploy  *site.Release // nil = nothing
		keys    []string
		code    int
		version int // that answers in the end
		says    string
	}{
		{name: "new code", deploy: &site.Release{Version: 2, Boot: boot}, code: 0, version: 2},
		{name: "nothing is new", code: 0, version: 1},
		{name: "it does not start", deploy: &site.Release{Version: 2, Boot: boot, Exit: "out of cheese"}, code: 1, version: 1, says: "out of cheese"},
		{name: "it takes too long", deploy: &site.Release{Version: 2, Boot: 20_000}, keys: []string{`start_timeout = "600ms"`}, code: 1, version: 1, says: "start_timeout"},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			s := site.New(t, site.Release{Version: 1})
			p := s.Serve(2, append([]string{"concurrency = 1"}, story.keys...)...)
			if story.deploy != nil {
				s.Deploy(*story.deploy)
			}
			result := harness.MustRestart(t, p, story.code)
			harness.MustSay(t, result.Stderr, story.says)
			for pid, body := range harness.AskEach(t, p, 2) {
				if harness.WordIn(body, "v") != strconv.Itoa(story.version) || story.code == 0 && harness.GenerationIn(body) != 2 {
					t.Errorf("after exit code %d process %d answers %q", result.Code, pid, body)
				}
			}
			if story.deploy != nil && result.Took < boot*time.Millisecond {
				t.Errorf("it took %v, less than one boot", result.Took)
			}
			state, condition := "done", "up"
			if story.code == 1 {
				state, condition = "failed", "resisting"
			}
			if d := p.Detail(t, "app"); d.Restart.State != state || d.Condition != condition {
				t.Errorf("status says that the restart is %s and the app %s, not %s and %s", d.Restart.State, d.Condition, state, condition)
			}
			if note := site.AwaitNote(t, s, 2); note.State != state || note.ID != p.Detail(t, "app").Restart.ID {
				t.Errorf("restart.status says %+v", note)
			}
		})
	}
}

// capistrano/passenger#43 (restart-app finds no process, and says so or not), PM2 (a name that is unknown).
func TestRestartOfWhatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	program := site.Program(t)
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("app", s.Current(), fmt.Sprintf("command = [%q]", program), harness.Processes(1)) +
		harness.AppTable("idle", s.Current(), fmt.Sprintf("command = [%q]", program), "min_processes = 0", `hosts = ["idle.test"]`)})
	if result := p.Run(harness.Within(t), "restart", "blog"); result.Code != 2 {
		t.Errorf("the restart of an unknown app exited with %d: %s", result.Code, result.Stderr)
	}
	if result := p.Run(harness.Within(t), "restart", "idle"); result.Code != 0 {
		t.Errorf("the restart of an app that rests exited with %d: %s", result.Code, result.Stderr)
	}
	s.Deploy(site.Release{Version: 2, Exit: "no such column"})
	if result := p.Run(harness.Within(t), "restart", "idle"); result.Code != 1 || !strings.Contains(result.Stderr, "no such column") {
		t.Errorf("the restart of an app that rests to code that does not start exited with %d: %s", result.Code, result.Stderr)
	}
	if code, err := p.Stop(harness.Patience); err != nil || code != 0 {
		t.Fatalf("purser exited with %d (%v)", code, err)
	}
	if result := p.Run(harness.Within(t), "restart", "app"); result.Code != 5 {
		t.Errorf("the restart by a purser that is gone exited with %d: %s", result.Code, result.Stderr)
	}
}

// R19: what is said is true, whatever the restart is at when the time is over.
func TestRestartThatIsNotWaitedForGoesOn(t *testing.T) {
	for name, story := range map[string]struct{ keys, says string }{
		"while it boots":            {"env = { BOOT_MS = \"3000\" }", "the restart of app has not ended within 1s; it goes on"},
		"while before_restart runs": {"[apps.app.hooks]\nbefore_restart = \"sleep 3\"", "purser has not said within 1s that the restart of app has begun; it may still begin, see purser status app"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, app := harness.ServeNode(t, story.keys)
			app.Write("VERSION", "2")
			result := harness.MustRestart(t, p, 4, "--timeout", "1s")
			harness.MustSay(t, result.Stderr, story.says)
			harness.AwaitRestart(t, p, "app", 2)
			if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
				t.Errorf("then came %q", body)
			}
		})
	}
}

// R19: the code did not start, and does now: by itself, as it is tried again.
func TestRestartWhoseCodeStartsAfterAllIsDone(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1))})
	s := site.Site{T: t, Dir: app.Dir}
	harness.Symlink(t, app.Dir, s.Current())
	if r := p.Run(harness.Within(t), "mark", "app", "--reason", "openssl was upgraded"); r.Code != 0 {
		t.Fatalf("mark exits with %d: %s", r.Code, r.Stderr)
	}
	app.Write("VERSION", "broken")
	harness.MustRestart(t, p, 1)
	failed := site.AwaitNote(t, s, 2)
	if failed.State != "failed" {
		t.Errorf("restart.status says %+v, not failed", failed)
	}
	app.Write("VERSION", "2")
	harness.Eventually(t, harness.Patience, "restart.status says done", func() bool { return site.AwaitNote(t, s, 2).State == "done" })
	if note := site.AwaitNote(t, s, 2); note.ID != failed.ID || note.Failure != nil || note.Replaced != 1 {
		t.Errorf("restart.status says %+v", note)
	}
	if d := p.Detail(t, "app"); d.Condition != "up" || d.Restart.State != "done" {
		t.Errorf("the app is %s, and its restart %s", d.Condition, d.Restart.State)
	}
	harness.Eventually(t, harness.Patience, "the mark is settled", func() bool {
		return !strings.Contains(p.Run(harness.Within(t), "status", "app").Stdout, "openssl was upgraded")
	})
}
