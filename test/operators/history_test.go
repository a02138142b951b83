package operators

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"purser/test/harness"
)

// mustHave is how the history has to begin, the newest first.
func mustHave(t *testing.T, past []harness.Past, want ...string) {
	t.Helper()
	if got := harness.Kinds(past); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("the history begins with %q, want %q", got, want)
	}
}

func TestHistoryTellsWhoRestartedAndHowItEnded(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	p, app := harness.ServeNode(t)
	harness.MustRestart(t, p, 0, "app", "--reason", "deploy 42")
	app.Touch()
	harness.AwaitRestart(t, p, "app", 3)
	p.Signal(syscall.SIGUSR1)
	harness.AwaitRestart(t, p, "app", 4)
	broken := filepath.Join(app.Dir, "app.js")
	good, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	app.Write("app.js", "process.exit(3)\n")
	harness.MustRestart(t, p, 1, "app")
	app.Write("app.js", string(good))
	harness.MustRestart(t, p, 0, "app")

	past := p.History(t, "app")
	mustHave(t, past, "restart done", "restart failed", "restart done", "restart done", "restart done")
	for i, by := range []string{me.Username, me.Username, "SIGUSR1", "touch", me.Username} {
		if e := past[i]; e.By != by || e.App != "app" || e.Ended.Before(e.At) {
			t.Errorf("entry %d is by %q, want %q: %+v", i, e.By, by, e)
		}
	}
	first, failed := past[4], past[1]
	if first.Reason != "deploy 42" || first.From.Generation != 1 || first.To.Generation != 2 || first.To.Release != app.Dir {
		t.Errorf("the first restart is told as %+v", first)
	}
	if !strings.Contains(failed.Failure, "status 3") || failed.ErrorID == "" {
		t.Errorf("the failed restart is told as %+v", failed)
	}
}

func TestHistoryIsKeptOverPursersStopAndItsKill(t *testing.T) {
	app := harness.NewApp(t, "node")
	options := harness.Options{Config: harness.Config(app.Dir)}
	p := harness.Serve(t, options)
	harness.MustRestart(t, p, 0, "app", "--reason", "before the stop")
	p.Run(harness.Within(t), "stop")
	options.After = p
	p = harness.Serve(t, options)
	past := p.History(t)
	mustHave(t, past, "purser-start done", "purser-stop done", "restart done", "purser-start done")
	if past[1].By == "" || past[2].Reason != "before the stop" {
		t.Errorf("the stop and the restart are told as %+v, %+v", past[1], past[2])
	}

	harness.MustRestart(t, p, 0, "app", "--reason", "before the kill")
	p.Signal(syscall.SIGKILL)
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	options.After = p
	p = harness.Serve(t, options)
	past = p.History(t)
	mustHave(t, past, "purser-start done", "purser-killed failed", "restart done", "purser-start done", "purser-stop done", "restart done")
	if past[2].Reason != "before the kill" {
		t.Errorf("the restart before the kill is told as %+v", past[2])
	}
}

func TestARestartThatPursersKillInterruptsIsTold(t *testing.T) {
	app := harness.NewApp(t, "node")
	options := harness.Options{Config: harness.Config(app.Dir)}
	p := harness.Serve(t, options)
	good, err := os.ReadFile(filepath.Join(app.Dir, "app.js"))
	if err != nil {
		t.Fatal(err)
	}
	app.Write("app.js", "setTimeout(() => {}, 1e6)\n") // it never listens
	harness.MustRestart(t, p, 0, "app", "--no-wait")
	harness.Eventually(t, harness.Patience, "the restart is in the history", func() bool { return p.History(t, "app")[0].Outcome == "running" })
	p.Signal(syscall.SIGKILL)
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	app.Write("app.js", string(good))
	options.After = p
	mustHave(t, harness.Serve(t, options).History(t, "app"), "restart interrupted")
}

func TestCrashesAreCounted(t *testing.T) {
	p, _ := harness.ServeNode(t)
	const crashes = 3
	for i := range crashes {
		harness.AwaitReady(t, p, 1)
		harness.Get(t, p, "/") // it has served
		harness.Kill(t, p.Status(t, "app").Ready()[0].PID)
		harness.Eventually(t, harness.Patience, "the crash is in the history", func() bool {
			past := p.History(t, "app")
			return len(past) == 1 && max(1, past[0].Count) == i+1
		})
	}
	if e := p.History(t, "app")[0]; e.Kind != "crash" || e.PID == 0 || !strings.Contains(e.Failure, "signal") {
		t.Errorf("the crashes are told as %+v", e)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	pid := p.Status(t, "app").Ready()[0].PID
	for i := range 60 {
		harness.MustRestart(t, p, 0, "app", "--no-wait", "--reason", fmt.Sprint("deploy ", i))
	}
	harness.Eventually(t, harness.Patience, "the last restart is done", func() bool {
		past := p.History(t, "app", "-n", "1")
		return len(past) == 1 && past[0].Reason == "deploy 59" && past[0].Outcome == "done"
	})
	if got := len(p.History(t, "app", "-n", "0")); got != 50 {
		t.Errorf("%d entries of one app are kept, want 50", got)
	}
	if past := p.History(t); len(past) != 20 {
		t.Errorf("purser history shows %d entries, want 20", len(past))
	}
	if past := p.History(t, "-n", "0"); past[len(past)-1].Kind != "purser-start" {
		t.Errorf("it is forgotten that purser was started: %+v", past[len(past)-1])
	}
	if harness.Alive(pid) {
		t.Error("the first process lives after 60 restarts")
	}
}

func TestHistoryAndLsFitAScreen(t *testing.T) {
	p, app := harness.ServeNode(t)
	harness.MustRestart(t, p, 0, "app", "--reason", strings.Repeat("a long reason ", 20))
	for _, words := range [][]string{{"history"}, {"history", "app"}, {"history", app.Dir, "--since", "1h"}, {"ls"}} {
		result := p.Run(harness.Within(t), words...)
		if result.Code != 0 || !strings.Contains(result.Stdout, "generation 1 to 2") && words[0] == "history" {
			t.Errorf("purser %v exited with %d: %s%s", words, result.Code, result.Stdout, result.Stderr)
		}
		for line := range strings.Lines(result.Stdout) {
			if n := utf8.RuneCountInString(line) - 1; n > 80 || strings.Contains(line, "\x1b") {
				t.Errorf("purser %v has a line of %d columns: %q", words, n, line)
			}
		}
	}
	harness.MustSay(t, p.Run(harness.Within(t), "ls").Stdout, "app  up", "1/", filepath.Base(app.Dir))
	if result := p.Run(harness.Within(t), "history", "nobody"); result.Code != 2 {
		t.Errorf("purser history of an app that there is not exited with %d, want 2: %s", result.Code, result.Stderr)
	}
	if result := p.Run(harness.Within(t), "ls", "--json"); !strings.Contains(result.Stdout, `"max_processes": `) {
		t.Errorf("purser ls --json: %s", result.Stdout)
	}
	p.Run(harness.Within(t), "stop")
	for _, word := range []string{"history", "ls"} {
		if result := p.Run(harness.Within(t), word); result.Code != 5 {
			t.Errorf("without a purser, purser %s exited with %d, want 5: %s", word, result.Code, result.Stderr)
		}
	}
}
