package test

import (
	"slices"
	"testing"
	"time"

	"purser/test/harness"
)

// The old release takes two seconds to boot, the rollback must not: its processes were kept.
func TestRollbackWithinTheWindowPutsTheSameProcessesBackToWork(t *testing.T) {
	const n = 4
	s := newSite(t, release{Version: 1, Boot: 2000})
	old := currentOf(t, s)
	p := s.serve(n, restartTable(`rollback_window = "60s"`))
	before := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	capacity := observe(t, p, fewerReadyThan(n))
	s.deploy(release{Version: 2, Boot: 50})
	restart(t, p, 0)
	awaitAnswers(t, load, len(load.SoFar().Samples)+100)
	if status := p.Status(t, "app"); len(status.Ready()) != n || len(status.Processes) != 2*n {
		t.Errorf("the old processes do not stand by:\n%s", describe(status))
	}

	result := order(t, p, "rollback", "app").mustExit(t, 0)
	done := time.Now()
	if !samePIDs(before, p.Status(t, "app").Ready()) {
		t.Errorf("not the old processes %v serve again:\n%s", before, describe(p.Status(t, "app")))
	}
	steps := p.Status(t, "app").Restart.Steps
	if slices.ContainsFunc(steps, func(s harness.Step) bool { return s.What == "spawning" }) {
		t.Errorf("the rollback has spawned: %s", summary(steps))
	}
	mustServe(t, p, n, old)
	awaitAnswers(t, load, len(load.SoFar().Samples)+100)
	capacity.end()
	report := load.End()
	mustNotFail(t, report)
	for _, late := range report.Where(func(s harness.Sample) bool { return s.Due.After(done) && wordIn(s.Body, "v") != "1" }) {
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
			s := newSite(t, release{Version: 1, Boot: 50})
			old := currentOf(t, s)
			p := s.serve(n, restartTable(c.keys))
			before := p.Status(t, "app").PIDs()
			load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
			defer load.End()
			capacity := observe(t, p, fewerReadyThan(n))
			s.deploy(release{Version: 2, Boot: 50})
			restart(t, p, 0)
			mustBeGone(t, before)

			result := order(t, p, "rollback", "app").mustExit(t, 0)
			mustOnlyLive(t, p, n, old)
			mustServe(t, p, n, old)
			victim := p.Status(t, "app").PIDs()[0]
			capacity.end()
			kill9(t, victim) // repairs go on with what was rolled back to, though the symlink leads to the newer
			harness.Eventually(t, patience, "the killed process is replaced", func() bool {
				s := p.Status(t, "app")
				return len(s.Ready()) == n && !slices.Contains(s.PIDs(), victim)
			})
			mustServe(t, p, n, old)
			mustNotFail(t, load.End())
			t.Logf("purser rollback took %v", result.Took.Round(time.Millisecond))
		})
	}
}
