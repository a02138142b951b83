package restarts

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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
	var touches, orders []time.Duration // from each to the first spawn
	for round := range rounds {
		touched := app.Touch()
		touches = append(touches, firstSpawn(t, p, 2*round+2).Sub(touched))
		ordered := time.Now()
		p.Order(t, "app", "{}")
		orders = append(orders, firstSpawn(t, p, 2*round+3).Sub(ordered))
	}
	slices.Sort(touches)
	slices.Sort(orders)
	t.Logf("a touch leads to a spawn in %v (%v to %v), an order in %v", touches[rounds/2], touches[0], touches[rounds-1], orders[rounds/2])
	if touches[0] > orders[0]+200*time.Millisecond { // it would take longer to wait for others, or for a poll
		t.Errorf("that is more than 200 ms later")
	}
}

// firstSpawn is when the first process of a restart was spawned, once that is done.
func firstSpawn(t *testing.T, p *harness.Purser, generation int) time.Time {
	t.Helper()
	harness.AwaitRestart(t, p, "app", generation)
	steps := p.Status(t, "app").Restart.Steps
	i := slices.IndexFunc(steps, func(s harness.Step) bool { return s.What == "spawning" })
	if i < 0 {
		t.Fatalf("nothing was spawned: %+v", steps)
	}
	return steps[i].At
}
