package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

func TestWhenTheFrontIsKilledTheNextOneServes(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	keeper := p.Keeper()
	for range 5 {
		front := p.Front()
		harness.Kill(t, front)
		if answer := harness.Get(t, p, "/"); answer.StatusCode != 200 {
			t.Fatalf("afterwards a request gets %d: %s", answer.StatusCode, answer.Body)
		}
		if next := p.Front(); next == front || p.Keeper() != keeper {
			t.Errorf("front %d follows %d, below keeper %d, which was %d", next, front, p.Keeper(), keeper)
		}
	}
	p.Signal(syscall.SIGTERM)
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Errorf("purser exited with %d (%v)", code, err)
	}
}

func TestWhenTheFrontHangsTheNextOneServes(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	front, begin := p.Front(), time.Now()
	if err := syscall.Kill(front, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "it is stopped, so that it accepts nobody", func() bool { return isStopped(front) })
	if answer := harness.Get(t, p, "/"); answer.StatusCode != 200 {
		t.Errorf("a request gets %d: %s", answer.StatusCode, answer.Body)
	}
	t.Logf("it was answered after %s", time.Since(begin))
	if harness.Alive(front) {
		t.Error("the one that hangs still lives")
	}
}

// isStopped reports whether every thread of a process is: the signal has not reached all when kill(2) returns.
func isStopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return len(threads) > 0 && !slices.ContainsFunc(threads, func(thread string) bool {
		stat, err := os.ReadFile(thread)
		return err != nil || !strings.Contains(string(stat), ") T ")
	})
}

// A front is killed in the stop: the next one goes on with it, so that apps have their time and nothing is left behind.
func TestAStopOutlivesTheFront(t *testing.T) {
	t.Parallel()
	app := harness.NewApp(t, "node")
	left := filepath.Join(t.TempDir(), "cleaned-up")
	app.Write("slow.sh", "trap 'kill $child; sleep 1; touch "+left+"; exit 0' TERM\nnode app.js & child=$!\nwait\n")
	p := harness.Serve(t, harness.Options{Config: harness.Config(app.Dir, harness.Processes(1), `command = ["sh", "slow.sh"]`)})
	harness.AwaitReady(t, p, 1)
	front := p.Front()
	p.Signal(syscall.SIGTERM)
	harness.Eventually(t, harness.Patience, "the stop is under way", func() bool { return strings.Contains(p.Log.String(), "stopping process") })
	harness.Kill(t, front)
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Errorf("purser exited with %d (%v)", code, err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Errorf("the app had no time to clean up: %v", err)
	}
}

// Its before_restart runs when the front is killed, so that nobody has been told yet that it has begun.
func TestARestartThatWasAskedForOutlivesTheFront(t *testing.T) {
	t.Parallel()
	asked := filepath.Join(t.TempDir(), "asked")
	p, app := harness.ServeNode(t, "[apps.app.hooks]", fmt.Sprintf(`before_restart = "echo asked >>%s; test $(wc -l <%s) = 2 || exec sleep 3600"`, asked, asked))
	harness.AwaitReady(t, p, 1)
	app.Write("VERSION", "2")
	restart := harness.StartCommand(t, p, "restart", "app")
	harness.Eventually(t, harness.Patience, "its hook runs", func() bool { _, err := os.Stat(asked); return err == nil })
	harness.Kill(t, p.Front())
	restart.MustExit(t, 0)
	if now := p.Status(t, "app"); now.Generation != 2 {
		t.Errorf("generation %d serves, want 2", now.Generation)
	}
}
