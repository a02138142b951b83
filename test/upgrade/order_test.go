package upgrade

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"purser/test/harness"
)

// busy has the front that serves now have a request that does not end before the file is there.
func busy(t *testing.T, p *harness.Purser, file string) *harness.Conn {
	t.Helper()
	c := harness.Dial(t, p)
	c.Patience = 3 * harness.Patience
	c.Send("GET /until?file=" + file + " HTTP/1.1\r\nHost: a\r\n\r\n")
	front := p.Versions(t)
	harness.Eventually(t, harness.Patience, "it is under way", func() bool {
		requests := 0
		for _, process := range p.Status(t, "app").Processes {
			requests += process.Requests
		}
		return requests == len(front.OldFronts)+1
	})
	return c
}

func TestAThirdUpgradeWaitsForAnOldFront(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	first := busy(t, p, "first")
	upgradeToNext(t, p)
	second := busy(t, p, "second")
	upgrade(t, p)
	third := harness.StartCommand(t, p, "upgrade", harness.MustNextBinary(t))
	harness.Eventually(t, harness.Patience, "it waits", func() bool { return strings.Contains(p.Log.String(), "an upgrade waits for those before it to finish") })
	if v := p.Versions(t); len(v.OldFronts) != 2 || v.Version == harness.NextVersion {
		t.Errorf("%+v serve", v)
	}
	if r := p.Run(harness.Within(t), "upgrade", "--timeout", "100ms"); r.Code != 4 {
		t.Errorf("one that does not wait for long exited with %d: %s", r.Code, r.Stderr)
	}
	app.Write("first", "")
	harness.MustBeAnswered(t, first)
	third.MustExit(t, 0)
	app.Write("second", "")
	harness.MustBeAnswered(t, second)
	p.AwaitNoOldFronts(t)
}

func TestNowEndsTheOldest(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, `drain_timeout = "1s"`)
	harness.AwaitReady(t, p, 1)
	first := busy(t, p, "first")
	upgradeToNext(t, p)
	oldest := oldFront(t, p).PID
	second := busy(t, p, "second")
	upgrade(t, p)
	third := busy(t, p, "third")
	upgrade(t, p, "--now", harness.MustNextBinary(t))
	first.MustBeCut()
	harness.MustBeGone(t, []int{oldest})
	if old := p.Versions(t).OldFronts; len(old) != 2 {
		t.Errorf("the old fronts are %+v", old)
	}
	app.Write("second", "")
	app.Write("third", "")
	harness.MustBeAnswered(t, second, third)
	p.AwaitNoOldFronts(t)
}

// What waits for old fronts is in nobody's way: one that does not wait is done, and what waited is asked of the next.
func TestNowDoesNotWaitBehindOneThatWaits(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, `drain_timeout = "1s"`)
	harness.AwaitReady(t, p, 1)
	first := busy(t, p, "first")
	upgrade(t, p)
	second := busy(t, p, "second")
	upgrade(t, p)
	third := busy(t, p, "third")
	waits := harness.StartCommand(t, p, "upgrade")
	p.Signal(syscall.SIGUSR2)
	harness.Eventually(t, harness.Patience, "both wait", func() bool {
		return strings.Count(p.Log.String(), "an upgrade waits for those before it to finish") == 2
	})
	upgrade(t, p, "--now", harness.MustNextBinary(t))
	first.MustBeCut()
	if v := p.Versions(t); v.Version != harness.NextVersion {
		t.Errorf("%+v serve", v)
	}
	app.Write("second", "")
	app.Write("third", "")
	harness.MustBeAnswered(t, second, third)
	waits.MustExit(t, 0)
	p.AwaitNoOldFronts(t)
	for _, past := range upgradesOf(t, p) {
		if past.Outcome != "done" {
			t.Errorf("the history tells of %+v", past)
		}
	}
}

// Whoever comes second is served by the front that the first has brought.
func TestTwoUpgradesAtOnceFollowEachOther(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	first, second := harness.StartCommand(t, p, "upgrade", harness.MustNextBinary(t)), harness.StartCommand(t, p, "upgrade", harness.MustNextBinary(t))
	first.MustExit(t, 0)
	second.MustExit(t, 0)
	p.AwaitNoOldFronts(t)
	if past := upgradesOf(t, p); len(past) != 2 || past[0].Outcome != "done" || past[1].Outcome != "done" {
		t.Errorf("the history tells of %+v", past)
	}
	mustServe(t, p)
}

// A rolling restart goes on where it was, and whoever waits for it is told how it ends.
func TestARestartUnderWayGoesOn(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, harness.Processes(3), "env = { BOOT_MS = \"700\" }")
	harness.AwaitReady(t, p, 3)
	old := harness.SortedPIDs(p.Status(t, "app").Ready())
	load := harness.Load{Addr: p.Addr, Rate: 50, Fresh: true}.Begin()
	app.Write("VERSION", "2")
	restart := harness.StartCommand(t, p, "restart", "app")
	for range 3 {
		replaced := p.Status(t, "app").Restart
		harness.Eventually(t, harness.Patience, "the restart takes a step", func() bool {
			now := p.Status(t, "app").Restart
			return now != nil && (replaced == nil || len(now.Steps) > len(replaced.Steps) || now.State != "running")
		})
		upgrade(t, p)
	}
	restart.MustExit(t, 0)
	harness.MustNotFail(t, load.End())
	harness.MustBeGone(t, old)
	past := slices.DeleteFunc(p.History(t), func(e harness.Past) bool { return e.Kind != "restart" })
	if len(past) != 1 || past[0].Outcome != "done" {
		t.Errorf("the history tells of %+v", past)
	}
	if a := harness.Get(t, p, "/"); !strings.HasPrefix(a.Body, "v=2 ") {
		t.Errorf("it answers %s", a.Body)
	}
}

// A reload that comes in the middle of an upgrade is done before or after it.
func TestAReloadBesideAnUpgradeIsDone(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	for n := 2; n <= 5; n++ {
		text := strings.ReplaceAll(harness.Config(app.Dir, harness.Processes(n)), "$LISTEN", p.Addr)
		if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		up := harness.StartCommand(t, p, "upgrade")
		reload := harness.StartCommand(t, p, "reload")
		up.MustExit(t, 0)
		reload.MustExit(t, 0)
		harness.AwaitReady(t, p, n)
	}
	p.AwaitNoOldFronts(t)
}

// A stop in the middle of an upgrade ends all of it, and what is under way is answered.
func TestAStopBesideAnUpgradeEndsAll(t *testing.T) {
	t.Parallel()
	for range 5 {
		p, app := harness.ServeNode(t)
		harness.AwaitReady(t, p, 1)
		pids := p.Status(t, "app").PIDs()
		request := busy(t, p, "go")
		up := harness.StartCommand(t, p, "upgrade")
		harness.Eventually(t, harness.Patience, "the upgrade has begun", func() bool { return strings.Contains(p.Log.String(), "upgrading, another process") })
		p.Signal(syscall.SIGTERM)
		harness.Eventually(t, harness.Patience, "the stop has begun", func() bool { return strings.Contains(p.Log.String(), "stopping, finishing") })
		app.Write("go", "")
		harness.MustBeAnswered(t, request)
		if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
			t.Errorf("purser exited with %d (%v)", code, err)
		}
		harness.MustBeGone(t, pids)
		<-up.Result
		up.Result <- harness.Result{}
	}
}
