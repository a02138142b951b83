package restarts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// record is a hook that notes what it is told, one line each time.
const record = `#!/bin/sh
facts=$(cat)
printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$PURSER_HOOK" "$PURSER_APP" "$PURSER_GENERATION" "$PURSER_PID" "$PURSER_RESTART" \
  "$PURSER_RELEASE" "$PURSER_REASON" "$PURSER_BY" "$facts" >>"$(dirname "$0")/told"
`

// A telling is what one run of a hook was told.
type telling struct {
	hook, app, generation, pid, restart, release, reason, by string

	Event   harness.Event   `json:"event"`
	Restart *harness.Course `json:"restart"`
}

// hooksTable are keys of [apps.NAME.hooks].
func hooksTable(app string, keys ...string) string {
	return "[apps." + app + ".hooks]\n" + strings.Join(keys, "\n") + "\n"
}

// tellings are what the hooks in dir were told, in their order.
func tellings(t *testing.T, dir string) []telling {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "told"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []telling
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 9)
		if len(words) != 9 {
			t.Fatalf("a hook has noted %q", line)
		}
		told := telling{hook: words[0], app: words[1], generation: words[2], pid: words[3], restart: words[4], release: words[5], reason: words[6], by: words[7]}
		if err := json.Unmarshal([]byte(words[8]), &told); err != nil {
			t.Fatalf("%s was not told JSON: %v: %q", told.hook, err, words[8])
		}
		all = append(all, told)
	}
	return all
}

// named are those of one hook.
func named(all []telling, hook string) []telling {
	return slices.DeleteFunc(slices.Clone(all), func(t telling) bool { return t.hook != hook })
}

func TestEachHookIsRunOnceForWhatItIsForAndToldTheFacts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	harness.WriteFile(t, dir, "record", record)
	var keys []string
	for _, hook := range []string{"before_restart", "after_restart", "restart_failed", "process_ready", "process_gone"} {
		keys = append(keys, fmt.Sprintf("%s = [%q]", hook, filepath.Join(dir, "record")))
	}
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2, "concurrency = 1", hooksTable("app", keys...))
	old := harness.SortedPIDs(p.Status(t, "app").Ready())
	wanted := s.Deploy(site.Release{Version: 2})
	harness.MustRestart(t, p, 0, "--reason", "release 2")
	fresh := harness.SortedPIDs(p.Status(t, "app").Ready())
	done := p.Detail(t, "app").Restart
	s.Deploy(site.Release{Version: 3, Exit: "no such column"})
	harness.MustRestart(t, p, 1)
	failed := p.Detail(t, "app").Restart
	harness.Eventually(t, harness.Patience, "the last hook has run", func() bool { return len(named(tellings(t, dir), "restart_failed")) == 1 })

	all := tellings(t, dir)
	if asked := named(all, "before_restart"); len(asked) != 2 || asked[0].reason != "release 2" || asked[0].app != "app" {
		t.Errorf("before_restart was told %+v", asked)
	}
	mustTellOf(t, "process_ready", "1", old, all)
	mustTellOf(t, "process_ready", "2", fresh, all)
	mustTellOf(t, "process_gone", "1", old, all)
	after := named(all, "after_restart")
	if len(after) != 1 || after[0].restart != done.ID || after[0].generation != "2" || after[0].release != wanted || after[0].Restart.State != "done" {
		t.Errorf("after_restart was told %+v", after)
	}
	bad := named(all, "restart_failed")[0]
	if who, err := user.Current(); err != nil || named(all, "before_restart")[0].by != who.Username || after[0].by != who.Username || bad.by != who.Username {
		t.Errorf("that %v (%v) has asked for the restarts is told as %+v", who, err, all)
	}
	if bad.restart != failed.ID || bad.Restart.State != "failed" || bad.Restart.Failure == nil || !slices.Contains(bad.Restart.Failure.Output, "no such column") {
		t.Errorf("restart_failed was told %+v", bad)
	}
	at := func(hook string) int { return slices.IndexFunc(all, func(t telling) bool { return t.hook == hook }) }
	if last := slices.IndexFunc(all, func(t telling) bool { return t.hook == "process_ready" && t.pid == strconv.Itoa(fresh[0]) }); last > at("after_restart") {
		t.Errorf("after_restart was run before a process was told ready: %+v", all)
	}
}

// mustTellOf expects that a hook was told of each process of a generation, once.
func mustTellOf(t *testing.T, hook, generation string, pids []int, told []telling) {
	t.Helper()
	var of []int
	for _, one := range named(told, hook) {
		if one.generation != generation {
			continue
		}
		pid, _ := strconv.Atoi(one.pid)
		of = append(of, pid)
		if one.app != "app" || one.Event.PID != pid || one.Event.Kind != "process" {
			t.Errorf("%s was told %+v", hook, one)
		}
	}
	slices.Sort(of)
	if !slices.Equal(of, pids) {
		t.Errorf("%s was told of %v, not of %v", hook, of, pids)
	}
}

func TestBeforeRestartThatFailsRefusesTheRestart(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(2, "concurrency = 1", hooksTable("app", `before_restart = "echo cannot migrate; echo table users is locked >&2; exit 3"`))
	old := site.CurrentOf(t, s)
	before, spawned := harness.SortedPIDs(p.Status(t, "app").Ready()), len(p.Log.Lines("spawning process"))
	s.Deploy(site.Release{Version: 2})
	result := harness.MustRestart(t, p, 1)
	harness.MustSay(t, result.Stderr, "before_restart", "status 3", "cannot migrate", "table users is locked")
	if now := harness.SortedPIDs(p.Status(t, "app").Ready()); !slices.Equal(before, now) {
		t.Errorf("the processes were %v, and are %v", before, now)
	}
	if now := len(p.Log.Lines("spawning process")); now != spawned {
		t.Errorf("%d processes were spawned for a restart that was refused", now-spawned)
	}
	harness.MustAllBe(t, p, 2, 1, old)
	if d := p.Detail(t, "app"); d.Condition != "up" || d.Restart.State != "failed" {
		t.Errorf("the app is %s, the restart %s", d.Condition, d.Restart.State)
	}
	harness.WriteFile(t, s.Current(), "tmp/restart.txt", "") // is asked for the same way
	harness.Eventually(t, harness.Patience, "the touch was refused, too", func() bool { return len(p.Courses(t, "app")) == 2 })
	harness.MustAllBe(t, p, 2, 1, old)
}

// The hook of one restart is running when another is asked for: both are heeded, one after the other.
func TestRestartAskedForDuringAHookIsNotLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := site.New(t, site.Release{Version: 1})
	hook := fmt.Sprintf("echo run >>%[1]s/runs; while [ ! -e %[1]s/go ]; do sleep 0.05; done", dir)
	p := s.Serve(2, "concurrency = 1", hooksTable("app", fmt.Sprintf("before_restart = %q", hook)))
	runs := func() int {
		text, _ := os.ReadFile(dir + "/runs")
		return strings.Count(string(text), "run")
	}
	s.Deploy(site.Release{Version: 2})
	first := harness.StartCommand(t, p, "restart", "app")
	harness.Eventually(t, harness.Patience, "the hook runs", func() bool { return runs() == 1 })
	wanted := s.Deploy(site.Release{Version: 3})
	second := harness.StartCommand(t, p, "restart", "app")
	harness.WriteFile(t, dir, "go", "")
	second.MustExit(t, 0)
	if result := <-first.Result; result.Code != 0 && result.Code != 3 {
		t.Errorf("the first exited with %d: %s", result.Code, result.Stderr)
	}
	harness.MustAllBe(t, p, 2, 3, wanted)
	if n := runs(); n != 2 {
		t.Errorf("the hook was run %d times for two restarts", n)
	}
}

func TestHookThatHangsIsKilledAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	slow, other := site.New(t, site.Release{Version: 1}), site.New(t, site.Release{Version: 1})
	program := fmt.Sprintf("command = [%q]", site.Program(t))
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("app", slow.Current(), program, harness.Processes(2), hooksTable("app", `process_gone = "sleep 1001"`, `before_restart = "sleep 1002"`, `timeout = "10s"`)) +
		harness.AppTable("other", other.Current(), program, harness.Processes(2), `hosts = ["other.test"]`, hooksTable("other", `after_restart = "sleep 1003"`, `timeout = "10s"`))})
	harness.AwaitReady(t, p, 2)
	load := harness.Load{Addr: p.Addr, Rate: 50}.Begin()
	defer load.End()

	hanging := harness.StartCommand(t, p, "restart", "app")
	harness.Eventually(t, harness.Patience, "the hook hangs", func() bool { return len(harness.RunningBelow(p.PID(), "sleep")) == 1 })
	for version := 2; version <= 3; version++ { // of which the second is asked for while the hook of the first hangs
		other.Deploy(site.Release{Version: version})
		if result := p.Run(harness.Within(t), "restart", "other"); result.Code != 0 || result.Took >= 10*time.Second {
			t.Errorf("beside a hook that hangs a restart exited with %d after %v: %s", result.Code, result.Took, result.Stderr)
		}
	}
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID) // beside two hooks of the app that hang
	result := hanging.MustExit(t, 1)
	harness.MustSay(t, result.Stderr, "before_restart", "timeout")
	if result.Took < 10*time.Second || result.Took > 40*time.Second {
		t.Errorf("the hook was given %v", result.Took)
	}
	harness.Eventually(t, harness.Patience, "no hook is left", func() bool { return len(harness.RunningBelow(p.PID(), "sleep")) == 0 })
	report := load.End()
	for _, late := range report.Where(func(s harness.Sample) bool { return s.Latency > 8*time.Second }) {
		t.Errorf("a request that was sent at %v took %v: %d %q", late.Due.Format(time.StampMicro), late.Latency, late.Status, late.Body)
	}
	// The one that was killed may have had a request: it was a GET, and so was given to another.
	harness.MustNotFail(t, report)
}
