package restarts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// worker is the table of a worker with a command.
func worker(name, command, keys string) string {
	return fmt.Sprintf("[apps.app.workers.%s]\ncommand = %q\n%s\n", name, command, keys)
}

// Workers that do not end when they are told to have their patience, and no more: nothing of them is left after done.
func TestWorkersThatDoNotEndAreKilledAfterTheirPatience(t *testing.T) {
	t.Parallel()
	const patience, keys = 2 * time.Second, `stop_timeout = "2s"`
	s := openShop(t, worker("ignores", "trap '' TERM; while :; do sleep 1; done", keys)+worker("parent", `sh -c "trap '' TERM; while :; do sleep 1; done" & wait`, keys)+
		worker("stopped", "while :; do sleep 1; done", keys)+worker("whole", "while :; do sleep 1; done", keys))
	var all []int
	for name, w := range s.purser.Workers(t, "app") {
		pid := w.Processes[0].PID
		all = append(append(all, childrenOf(t, pid)...), pid)
		switch name { // by somebody
		case "stopped":
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		case "whole":
			_ = syscall.Kill(-pid, syscall.SIGSTOP)
		}
	}
	load := harness.Load{Addr: s.purser.Addr, Rate: 100}.Begin()
	defer load.End()

	begun := time.Now()
	harness.MustRestart(t, s.purser, 0)
	if took := time.Since(begun); took < patience {
		t.Errorf("the restart took %v, less than the patience of its workers", took)
	}
	for _, pid := range all {
		if harness.Alive(pid) {
			t.Errorf("process %d of an old worker lives after done", pid)
		}
	}
	harness.MustNotFail(t, load.End())
	harness.MustSay(t, strings.Join(s.purser.Log.Lines("killing worker"), "\n"), "worker=ignores", "worker=parent", "worker=stopped", "worker=whole")
}

// childrenOf are those of a worker once it has one.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the worker has a child", func() bool {
		for _, child := range harness.Descendants(pid) {
			children = append(children, child.PID)
		}
		return len(children) > 0
	})
	return children
}

// A worker that cannot start is tried later and later, which everybody sees, and the web serves on.
func TestAWorkerThatCrashesInALoopIsTriedLaterAndLater(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	s := openShop(t, worker("jobs", "if [ -e "+broken+" ]; then echo no queue server; exit 3; fi; exec node worker.js", ""))
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	load := harness.Load{Addr: s.purser.Addr, Rate: 100}.Begin()
	defer load.End()
	harness.Kill(t, s.purser.WorkerPIDs(t, "app")[0])
	harness.Eventually(t, harness.Patience, "it has failed in a row", func() bool { return len(s.purser.Log.Lines("worker ended")) > 2 })
	harness.Eventually(t, harness.Patience, "status says why, and when it is tried again", func() bool {
		text := s.purser.Run(harness.Within(t), "status", "app").Stdout
		return strings.Contains(text, "Worker jobs: 0 of 1 ready") && strings.Contains(text, "Next try: in") && strings.Contains(text, "no queue server") &&
			strings.Contains(text, "worker jobs exited with status 3 within 5s of its start")
	})
	if starts := s.purser.Log.Lines("starting worker"); len(starts) > 6 {
		t.Errorf("it was started %d times", len(starts))
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	harness.AwaitWorkers(t, s.purser, "app", 1)
	harness.MustNotFail(t, load.End())
	if text := s.purser.Run(harness.Within(t), "status", "app").Stdout; strings.Contains(text, "no queue server") {
		t.Errorf("the failure is still told of:\n%s", text)
	}
}

// Nothing of a worker outlives it.
func TestAWorkerThatIsKilledTakesWithItWhatItHasStarted(t *testing.T) {
	t.Parallel()
	s := openShop(t, worker("jobs", "setsid sleep 1000 & while :; do sleep 1; done", ""))
	old := s.purser.WorkerPIDs(t, "app")[0]
	children := childrenOf(t, old)
	harness.Kill(t, old)
	harness.MustBeGone(t, children)
	harness.Eventually(t, harness.Patience, "another takes its place", func() bool {
		now := s.purser.WorkerPIDs(t, "app")
		return len(now) == 1 && now[0] != old
	})
}
