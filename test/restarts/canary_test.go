package restarts

import (
	"fmt"
	"syscall"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

func TestCanaryStopsAtOneProcessUntilItIsPromotedOrRolledBack(t *testing.T) {
	const n = 4
	s := site.New(t, site.Release{Version: 1, Boot: 20})
	first := site.CurrentOf(t, s)
	p := s.Serve(n, harness.RestartTable("surge = 2"))
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	capacity := harness.Observe(t, p, harness.FewerReadyThan(n))

	second := s.Deploy(site.Release{Version: 2, Boot: 20})
	harness.MustRestart(t, p, 0, "--canary", "1")
	mustBeCanary(t, p, n, first, second)
	harness.StartCommand(t, p, "promote", "app").MustExit(t, 0)
	harness.MustOnlyLive(t, p, n, second)

	third := s.Deploy(site.Release{Version: 3, Boot: 20})
	harness.MustRestart(t, p, 0, "--canary", "1")
	mustBeCanary(t, p, n, second, third)
	harness.StartCommand(t, p, "rollback", "app").MustExit(t, 0)
	harness.MustOnlyLive(t, p, n, second)

	harness.MustRestart(t, p, 0, "--canary", "50%")
	if s := p.Status(t, "app"); len(oldReady(s, third)) != n/2 || len(oldReady(s, second)) != n {
		t.Errorf("a canary of a half is not half as many beside all old ones:\n%s", harness.Describe(s))
	}
	harness.MustSay(t, harness.MustRestart(t, p, 2, "--canary", "3").Stderr, "restart.surge is 2")
	harness.MustRestart(t, p, 0)
	harness.MustOnlyLive(t, p, n, third)
	capacity.End()
	report := load.End()
	harness.MustNotFail(t, report)
	t.Log(report)
}

// mustBeCanary expects one process of the new release beside n old ones, and that it gets its share of the
// requests: the others go on doing most of the work.
func mustBeCanary(t *testing.T, p *harness.Purser, n int, old, canary string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("there are %d processes", n+1), func() bool { return len(p.Status(t, "app").Processes) == n+1 })
	s := p.Status(t, "app")
	if len(oldReady(s, canary)) != 1 || len(oldReady(s, old)) != n {
		t.Errorf("there is not exactly one of the new release beside %d old processes:\n%s", n, harness.Describe(s))
	}
	if harness.RestartState(s) != "canary" {
		t.Errorf("the restart is %q, not waiting at its canary", harness.RestartState(s))
	}
	answers := map[string]int{}
	for range 25 * n {
		answers[harness.WordIn(harness.Get(t, p, "/").Body, "release")]++
	}
	t.Logf("the canary, beside %d processes, gave %d of %d answers", n, answers[canary], 25*n)
	if answers[canary] == 0 || answers[canary] > 25*n/2 || answers[canary]+answers[old] != 25*n {
		t.Errorf("the canary, beside %d processes, does not get about its share of %d requests: %v", n, 25*n, answers)
	}
}

func TestCrashBesideACanaryIsRepairedWithTheOldRelease(t *testing.T) {
	const n = 3
	s := site.New(t, site.Release{Version: 1, Boot: 20})
	first := site.CurrentOf(t, s)
	p := s.Serve(n)
	second := s.Deploy(site.Release{Version: 2, Boot: 20})
	harness.MustRestart(t, p, 0, "--canary", "1")
	victim := oldReady(p.Status(t, "app"), first)[0].PID
	harness.MustReplaceKilled(t, p, n+1, victim)
	mustBeCanary(t, p, n, first, second)
}

// R13 and R12 in a row: however few the processes, the old are all there beside a canary and after it, and
// nothing that happens to purser brings it back.
func TestCanaryOfFewProcessesIsTakenBackForGood(t *testing.T) {
	for n := 1; n <= 3; n++ {
		for name, signal := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%d processes, purser %s", n, name), func(t *testing.T) {
				t.Parallel()
				s := site.New(t, site.Release{Version: 1, Boot: 20})
				old := site.CurrentOf(t, s)
				first := s.Serve(n)
				canary := s.Deploy(site.Release{Version: 2, Boot: 20})
				capacity := harness.Observe(t, first, harness.FewerReadyThan(n))
				harness.MustRestart(t, first, 0, "--canary", "1")
				mustBeCanary(t, first, n, old, canary)
				harness.StartCommand(t, first, "rollback", "app").MustExit(t, 0)
				harness.MustOnlyLive(t, first, n, old)
				capacity.End()

				first.Signal(signal)
				if _, err := first.Wait(harness.Within(t)); err != nil {
					t.Fatal(err)
				}
				next := harness.Serve(t, harness.Options{After: first,
					Config: harness.Config(s.Current(), `command = ["`+site.Program(t)+`"]`, harness.Processes(n))})
				harness.AwaitReady(t, next, n)
				harness.MustOnlyLive(t, next, n, old)
				if condition := next.Status(t, "app").Condition; condition != "rolled-back" {
					t.Errorf("it is %s", condition)
				}
			})
		}
	}
}
