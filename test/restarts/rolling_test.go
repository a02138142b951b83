package restarts

import (
	"context"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

const boot = 1500 * time.Millisecond

// bootKeys are four Node processes that take a second and a half to start.
var bootKeys = []string{harness.Processes(4), `env = { BOOT_MS = "1500" }`}

func TestRollingRestartUnderLoadFailsNoRequestAndKeepsCapacity(t *testing.T) {
	p, app := harness.ServeNode(t, bootKeys...)
	harness.AwaitReady(t, p, 4)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 400)

	watch := watchCapacity(t, p)
	app.Write("VERSION", "2")
	touched := app.Touch()
	harness.AwaitRestart(t, p, "app", 2)
	done := time.Now()
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	least, most := watch.end()
	report := load.End()

	harness.MustNotFail(t, report)
	first, seen := report.First("v=2")
	if !seen {
		t.Fatal("nobody ever saw the new release")
	}
	t.Logf("%v; first new answer %v after the touch, done after %v, ready processes %d to %d", report,
		first.Answered().Sub(touched), done.Sub(touched), least, most)
	if delay := first.Answered().Sub(touched); delay > boot+5*time.Second {
		t.Errorf("the first new answer came %v after the touch, which is far beyond the boot of %v", delay, boot)
	}
	if least < 4 {
		t.Errorf("capacity fell to %d ready processes", least)
	}
	if most > 5 {
		t.Errorf("%d processes were ready at once: more than max and a surge of 1", most)
	}
	noOldAnswerAfter(t, report, done)
	if report.Max() > 3*boot {
		t.Errorf("a request took %v during the restart, as if it had waited for a boot", report.Max())
	}
}

func TestPurserRestartReturnsOnceNoOldAnswerIsPossible(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(3), `env = { BOOT_MS = "200" }`)
	harness.AwaitReady(t, p, 3)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)

	app.Write("VERSION", "2")
	result := p.Run(harness.Within(t), "restart", "app")
	done := time.Now()
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	report := load.End()

	if result.Code != 0 {
		t.Fatalf("purser restart exited with %d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
	harness.MustNotFail(t, report)
	noOldAnswerAfter(t, report, done)
	t.Logf("%v; purser restart took %v", report, result.Took)
}

func TestTwoRestartsAtOnceEndWithTheNewestRelease(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(2), `env = { BOOT_MS = "300" }`)
	harness.AwaitReady(t, p, 2)
	app.Write("VERSION", "2")
	first := make(chan harness.Result)
	var asked sync.WaitGroup
	asked.Go(func() { first <- p.Run(harness.Within(t), "restart", "app") })
	harness.Eventually(t, harness.Patience, "the first restart runs", func() bool { return p.Status(t, "app").Generation == 2 })
	app.Write("VERSION", "3")
	second := p.Run(harness.Within(t), "restart", "app")
	superseded := <-first
	asked.Wait()

	if superseded.Code != 3 {
		t.Errorf("the first restart exited with %d, not 3 (superseded): %s", superseded.Code, superseded.Stderr)
	}
	if second.Code != 0 {
		t.Errorf("the second restart exited with %d: %s", second.Code, second.Stderr)
	}
	for range 20 {
		if body := harness.Get(t, p, "/").Body; body[:3] != "v=3" {
			t.Fatalf("after the second restart came %q", body)
		}
	}
}

// noOldAnswerAfter fails the test if a request sent after moment was answered by version 1.
func noOldAnswerAfter(t *testing.T, r harness.Report, moment time.Time) {
	t.Helper()
	late := harness.Report{Samples: r.Where(func(s harness.Sample) bool { return s.Due.After(moment) })}
	if len(late.Samples) == 0 {
		t.Fatal("no request was sent after the restart was done")
	}
	if old, found := late.First("v=1"); found {
		t.Errorf("a request sent %v after the restart was done got the old release: %q", old.Due.Sub(moment), old.Body)
	}
}

// A capacity watches how many processes are ready.
type capacity struct {
	cancel      context.CancelFunc
	done        sync.WaitGroup
	least, most int
}

func watchCapacity(t *testing.T, p *harness.Purser) *capacity {
	ctx, cancel := context.WithCancel(t.Context())
	c := &capacity{cancel: cancel, least: 1 << 30}
	c.done.Go(func() { c.watch(ctx, p) })
	return c
}

func (c *capacity) watch(ctx context.Context, p *harness.Purser) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := p.FetchStatus(ctx, "app"); err == nil {
			ready := len(s.Ready())
			c.least, c.most = min(c.least, ready), max(c.most, ready)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *capacity) end() (least, most int) {
	c.cancel()
	c.done.Wait()
	return c.least, c.most
}
