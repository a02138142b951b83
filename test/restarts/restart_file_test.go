package restarts

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

func TestFlippedSymlinkIsServedOnlyAfterTheRestartThatFollows(t *testing.T) {
	site := harness.EmptyApp(t)
	one, two := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	two.Write("VERSION", "2")
	harness.Symlink(t, one.Dir, site.Path("current"))
	p := harness.Serve(t, harness.Options{Config: harness.Config(site.Path("current"), harness.Processes(2))})
	harness.AwaitReady(t, p, 2)

	harness.Symlink(t, two.Dir, site.Path("current"))
	harness.MustReplaceKilled(t, p, 2, p.Status(t, "app").Ready()[0].PID)
	for range 10 {
		if body := harness.Get(t, p, "/").Body; !strings.HasPrefix(body, "v=1 ") {
			t.Fatalf("before the restart the new release served: %q", body)
		}
	}

	two.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	for range 10 {
		if body := harness.Get(t, p, "/").Body; !strings.HasPrefix(body, "v=2 ") {
			t.Fatalf("after the restart the old release served: %q", body)
		}
	}
	for _, process := range p.Status(t, "app").Ready() {
		if process.Release != two.Dir {
			t.Errorf("process %d is of release %s, not %s", process.PID, process.Release, two.Dir)
		}
	}
}

func TestRestartFileOfTheLiveReleaseCountsToo(t *testing.T) {
	site := harness.EmptyApp(t)
	one, two := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	two.Write("VERSION", "2")
	harness.Symlink(t, one.Dir, site.Path("current"))
	p := harness.Serve(t, harness.Options{Config: harness.Config(site.Path("current"), harness.Processes(1))})

	harness.Symlink(t, two.Dir, site.Path("current"))
	one.Touch() // through the folder that the running processes came from
	harness.AwaitRestart(t, p, "app", 2)
	if body := harness.Get(t, p, "/").Body; !strings.HasPrefix(body, "v=2 ") {
		t.Errorf("after the restart came %q", body)
	}
}

func TestDeletedRestartFileIsNoRestart(t *testing.T) {
	p, app := harness.ServeNode(t)
	app.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	if err := os.Remove(app.Path("tmp/restart.txt")); err != nil {
		t.Fatal(err)
	}
	app.Touch() // created again: one restart, so that generation 3 shows that the deletion was none
	harness.AwaitRestart(t, p, "app", 3)
}

func TestUSR1RestartsEveryApp(t *testing.T) {
	one, two := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: harness.ServerTable() +
		harness.AppTable("one", one.Dir, harness.Processes(1), `hosts = ["one.test"]`) + harness.AppTable("two", two.Dir, harness.Processes(1))})
	for _, app := range []string{"one", "two"} {
		harness.Eventually(t, harness.Patience, app+" is up", func() bool { return len(p.Status(t, app).Ready()) == 1 })
	}
	p.Signal(syscall.SIGUSR1)
	harness.AwaitRestart(t, p, "one", 2)
	harness.AwaitRestart(t, p, "two", 2)
}

func TestTouchLeadsToASpawnAtOnce(t *testing.T) {
	p, app := harness.ServeNode(t)
	const rounds = 5
	within := 0
	for round := range rounds {
		touched := app.Touch()
		harness.AwaitRestart(t, p, "app", round+2)
		for _, step := range p.Status(t, "app").Restart.Steps {
			if step.What == "spawning" {
				t.Logf("first spawn %v after the touch", step.At.Sub(touched))
				if step.At.Sub(touched).Milliseconds() < 100 {
					within++
				}
				break
			}
		}
	}
	if within <= rounds/2 {
		t.Errorf("only %d of %d touches led to a spawn within 100 ms", within, rounds)
	}
}
