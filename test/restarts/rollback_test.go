package restarts

import (
	"slices"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// The old release takes two seconds to boot, the rollback must not: its processes were kept.
func TestRollbackWithinTheWindowPutsTheSameProcessesBackToWork(t *testing.T) {
	const n = 4
	s := site.New(t, site.Release{Version: 1, Boot: 2000})
	old := site.CurrentOf(t, s)
	p := s.Serve(n, harness.RestartTable(`rollback_window = "60s"`))
	before := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	capacity := harness.Observe(t, p, harness.FewerReadyThan(n))
	s.Deploy(site.Release{Version: 2, Boot: 50})
	harness.MustRestart(t, p, 0)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+100)
	if status := p.Status(t, "app"); len(status.Ready()) != n || len(status.Processes) != 2*n {
		t.Errorf("the old processes do not stand by:\n%s", harness.Describe(status))
	}

	result := harness.StartCommand(t, p, "rollback", "app").MustExit(t, 0)
	done := time.Now()
	if !harness.SamePIDs(before, p.Status(t, "app").Ready()) {
		t.Errorf("not the old processes %v serve again:\n%s", before, harness.Describe(p.Status(t, "app")))
	}
	steps := p.Status(t, "app").Restart.Steps
	if slices.ContainsFunc(steps, func(s harness.Step) bool { return s.What == "spawning" }) {
		t.Errorf("the rollback has spawned: %s", summary(steps))
	}
	mustServe(t, p, n, old)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+100)
	capacity.End()
	report := load.End()
	harness.MustNotFail(t, report)
	for _, late := range report.Where(func(s harness.Sample) bool { return s.Due.After(done) && harness.WordIn(s.Body, "v") != "1" }) {
		t.Errorf("after the rollback came %q", late.Body)
	}
	t.Logf("%v; purser rollback took %v, the rollback itself %v, where a boot takes 2 s", report,
		result.Took.Round(time.Millisecond), steps[len(steps)-1].At.Sub(steps[0].At).Round(time.Microsecond))
}

func TestRollbackAfterTheWindowStartsTheOldReleaseFromItsFolder(t *testing.T) {
	for _, c := range []struct{ name, keys string }{
		{"no window", ""},
		{"window over", `rollback_window = "300ms"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 4
			s := site.New(t, site.Release{Version: 1, Boot: 50})
			old := site.CurrentOf(t, s)
			p := s.Serve(n, harness.RestartTable(c.keys))
			before := p.Status(t, "app").PIDs()
			load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
			defer load.End()
			capacity := harness.Observe(t, p, harness.FewerReadyThan(n))
			s.Deploy(site.Release{Version: 2, Boot: 50})
			harness.MustRestart(t, p, 0)
			harness.MustBeGone(t, before)

			result := harness.StartCommand(t, p, "rollback", "app").MustExit(t, 0)
			harness.MustOnlyLive(t, p, n, old)
			mustServe(t, p, n, old)
			victim := p.Status(t, "app").PIDs()[0]
			capacity.End()
			harness.MustReplaceKilled(t, p, n, victim) // repairs go on with what was rolled back to, though the symlink leads to the newer
			mustServe(t, p, n, old)
			harness.MustNotFail(t, load.End())
			t.Logf("purser rollback took %v", result.Took.Round(time.Millisecond))
		})
	}
}
