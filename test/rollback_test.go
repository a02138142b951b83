package test

import (
	"fmt"
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

func TestCanaryStopsAtOneProcessUntilItIsPromotedOrRolledBack(t *testing.T) {
	const n = 4
	s := newSite(t, release{Version: 1, Boot: 20})
	first := currentOf(t, s)
	p := s.serve(n)
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	capacity := observe(t, p, fewerReadyThan(n))

	second := s.deploy(release{Version: 2, Boot: 20})
	restart(t, p, 0, "--canary", "1")
	mustBeCanary(t, p, n, first, second)
	order(t, p, "promote", "app").mustExit(t, 0)
	mustOnlyLive(t, p, n, second)

	third := s.deploy(release{Version: 3, Boot: 20})
	restart(t, p, 0, "--canary", "1")
	mustBeCanary(t, p, n, second, third)
	order(t, p, "rollback", "app").mustExit(t, 0)
	mustOnlyLive(t, p, n, second)

	restart(t, p, 0, "--canary", "50%")
	if s := p.Status(t, "app"); len(oldReady(s, third)) != n/2 || len(oldReady(s, second)) != n/2 {
		t.Errorf("a canary of a half is not half of the processes:\n%s", describe(s))
	}
	restart(t, p, 0)
	mustOnlyLive(t, p, n, third)
	capacity.end()
	report := load.End()
	mustNotFail(t, report)
	t.Log(report)
}

// mustBeCanary expects one process of the new release among n, and that it gets its share of the
// requests: the others go on doing most of the work.
func mustBeCanary(t *testing.T, p *harness.Purser, n int, old, canary string) {
	t.Helper()
	harness.Eventually(t, patience, fmt.Sprintf("there are %d processes", n), func() bool { return len(p.Status(t, "app").Processes) == n })
	s := p.Status(t, "app")
	if len(oldReady(s, canary)) != 1 || len(oldReady(s, old)) != n-1 {
		t.Errorf("not exactly one of %d processes is of the new release:\n%s", n, describe(s))
	}
	if restartState(s) != "canary" {
		t.Errorf("the restart is %q, not waiting at its canary", restartState(s))
	}
	answers := map[string]int{}
	for range 25 * n {
		answers[wordIn(get(t, p, "/").Body, "release")]++
	}
	t.Logf("the canary, one of %d processes, gave %d of %d answers", n, answers[canary], 25*n)
	if answers[canary] == 0 || answers[canary] > 25*n/2 || answers[canary]+answers[old] != 25*n {
		t.Errorf("the canary, one of %d processes, does not get about its share of %d requests: %v", n, 25*n, answers)
	}
}

func TestCrashBesideACanaryIsRepairedWithTheOldRelease(t *testing.T) {
	const n = 3
	s := newSite(t, release{Version: 1, Boot: 20})
	first := currentOf(t, s)
	p := s.serve(n)
	second := s.deploy(release{Version: 2, Boot: 20})
	restart(t, p, 0, "--canary", "1")
	victim := oldReady(p.Status(t, "app"), first)[0].PID
	kill9(t, victim)
	harness.Eventually(t, patience, "the killed process is replaced", func() bool {
		s := p.Status(t, "app")
		return len(s.Ready()) == n && !slices.Contains(s.PIDs(), victim)
	})
	mustBeCanary(t, p, n, first, second)
}
