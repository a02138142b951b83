package restarts

import (
	"strings"
	"testing"

	"purser/test/harness"
)

func TestReleaseThatThrowsAtBootIsNoticedByTheOperatorOnly(t *testing.T) {
	p, app := harness.ServeNode(t, harness.Processes(4))
	harness.AwaitReady(t, p, 4)
	before := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 200)

	app.Write("VERSION", "broken")
	result := p.Run(harness.Within(t), "restart", "app")
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	status := p.Status(t, "app")
	text := p.Run(harness.Within(t), "status").Stdout
	report := load.End()

	harness.MustNotFail(t, report)
	if old := report.Where(func(s harness.Sample) bool { return !strings.HasPrefix(s.Body, "v=1 ") }); len(old) > 0 {
		t.Errorf("%d answers were not of the old release, the first %q", len(old), old[0].Body)
	}
	if result.Code != 1 {
		t.Errorf("purser restart exited with %d, not 1", result.Code)
	}
	if !strings.Contains(result.Stderr, "this release is broken") {
		t.Errorf("purser restart does not show what the app said: %q", result.Stderr)
	}
	if status.Condition != "resisting" || status.Failure == nil {
		t.Errorf("the condition is %q with failure %+v, not resisting and why", status.Condition, status.Failure)
	}
	for _, want := range []string{"esisting", "this release is broken"} {
		if !strings.Contains(text, want) {
			t.Errorf("purser status does not say %q:\n%s", want, text)
		}
	}
	if !harness.SamePIDs(before, status.Ready()) {
		t.Errorf("the old processes were touched: %v before, %+v now", before, status.Ready())
	}
	t.Log(report)
}

func TestCrashWhileResistingIsRepairedWithTheOldCodeAndARepairedReleaseHeals(t *testing.T) {
	release := func(app harness.App, version string) harness.App {
		next := harness.NewApp(t, "node")
		next.Write("VERSION", version)
		harness.Symlink(t, next.Dir, app.Path("current"))
		return next
	}
	site := harness.EmptyApp(t)
	release(site, "1")
	p := harness.Serve(t, harness.Options{Config: harness.Config(site.Path("current"), `kind = "node"`, harness.Processes(2))})
	harness.AwaitReady(t, p, 2)

	broken := release(site, "broken")
	if result := p.Run(harness.Within(t), "restart", "app"); result.Code != 1 {
		t.Fatalf("purser restart exited with %d, not 1: %s", result.Code, result.Stderr)
	}
	victim := p.Status(t, "app").Ready()[0].PID
	harness.MustReplaceKilled(t, p, 2, victim)
	for range 10 {
		if body := harness.Get(t, p, "/").Body; !strings.HasPrefix(body, "v=1 ") {
			t.Fatalf("the repair did not use the last good release: %q", body)
		}
	}

	broken.Write("VERSION", "2")
	if result := p.Run(harness.Within(t), "restart", "app"); result.Code != 0 {
		t.Fatalf("purser restart of the repaired release exited with %d: %s", result.Code, result.Stderr)
	}
	if s := p.Status(t, "app"); s.Condition != "up" {
		t.Errorf("after the repaired release the condition is %q, not up", s.Condition)
	}
	if body := harness.Get(t, p, "/").Body; !strings.HasPrefix(body, "v=2 ") {
		t.Errorf("the repaired release does not serve: %q", body)
	}
}
