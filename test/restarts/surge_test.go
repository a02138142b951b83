package restarts

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// The boots are nothing but sleep, so that what a restart takes beyond them is purser's. With
// PURSER_MEASURE=1, on a machine that does nothing else, that is held to 50 ms for each step. Elsewhere a boot
// takes as long as the machine likes, and what counts is how long nothing boots.
func TestRollTakesLittleMoreThanItsBoots(t *testing.T) {
	const (
		n    = 24
		boot = 200 * time.Millisecond
	)
	measured := os.Getenv("PURSER_MEASURE") == "1"
	for _, c := range []struct {
		surge string
		steps int
	}{{"1", 24}, {"4", 6}, {`"50%"`, 2}} {
		t.Run("surge "+strings.Trim(c.surge, `"`), func(t *testing.T) {
			first := site.Release{Version: 1, Boot: int(boot.Milliseconds())}
			s := site.New(t, first)
			p := s.ServeUnder(harness.ServerTable(fmt.Sprintf("max_spawns = %d", n)), n, harness.RestartTable("surge = "+c.surge))
			wanted := s.Deploy(site.Release{Version: 2, Boot: first.Boot})
			harness.MustRestart(t, p, 0)

			harness.MustOnlyLive(t, p, n, wanted)
			steps := p.Status(t, "app").Restart.Steps
			mustReplaceBySurge(t, steps, n/c.steps)
			took := steps[len(steps)-1].At.Sub(steps[0].At)
			over := (took - time.Duration(c.steps)*boot) / time.Duration(c.steps)
			idle := idleTime(steps) / time.Duration(c.steps)
			t.Logf("%d processes, %v boot, surge %s: %v in all, %v beyond the boot in each of %d steps, in %v of which nothing booted", n, boot, c.surge,
				took.Round(time.Millisecond), over.Round(100*time.Microsecond), c.steps, idle.Round(100*time.Microsecond))
			if measured && over > 50*time.Millisecond || idle > 500*time.Millisecond {
				t.Errorf("that is too long")
			}
		})
	}
}

// mustReplaceBySurge expects that never more than surge processes were booting, and that so many were.
func mustReplaceBySurge(t *testing.T, steps []harness.Step, surge int) {
	t.Helper()
	booting, most := 0, 0
	for _, step := range steps {
		switch step.What {
		case "spawning":
			booting++
		case "ready":
			booting--
		}
		most = max(most, booting)
	}
	if most != surge {
		t.Errorf("at most %d processes booted at once, not %d: %s", most, surge, summary(steps))
	}
}

// idleTime is how long no process was booting.
func idleTime(steps []harness.Step) (idle time.Duration) {
	booting := 0
	for i, step := range steps {
		if i > 0 && booting == 0 {
			idle += step.At.Sub(steps[i-1].At)
		}
		switch step.What {
		case "spawning":
			booting++
		case "ready":
			booting--
		}
	}
	return idle
}

// bootTime is how long the boots took in all, as if it had been one after the other.
func bootTime(steps []harness.Step) (inAll time.Duration) {
	for _, step := range steps {
		switch step.What {
		case "spawning":
			inAll -= step.At.Sub(steps[0].At)
		case "ready":
			inAll += step.At.Sub(steps[0].At)
		}
	}
	return inAll
}

// summary is the steps in a line.
func summary(steps []harness.Step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%s(%d) ", s.What, s.PID)
	}
	return b.String()
}

// Memory for not a single process more: one goes before its replacement starts.
func TestRollWithoutSurgeReplacesOneByOneWithinTheSameMemory(t *testing.T) {
	const n = 4
	s := site.New(t, site.Release{Version: 1, Boot: 50})
	p := s.Serve(n, harness.RestartTable("surge = 0", "unavailable = 1"))
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)
	most := 0
	look := harness.Observe(t, p, func(status harness.Status) string {
		alive := len(slices.DeleteFunc(p.Family(), func(p harness.Proc) bool { return p.State == "Z" }))
		most = max(most, alive)
		switch {
		case len(status.Ready()) < n-1:
			return "more than one process is missing"
		case len(status.Processes) > n:
			return fmt.Sprintf("more than %d processes are alive", n)
		case alive > n:
			return fmt.Sprintf("%d processes are alive, says the kernel", alive)
		}
		return ""
	})

	for version := 2; version <= 3; version++ {
		wanted := s.Deploy(site.Release{Version: version, Boot: 200})
		harness.MustRestart(t, p, 0)
		harness.MustOnlyLive(t, p, n, wanted)
	}
	looks := look.End()
	report := load.End()
	harness.MustNotFail(t, report)
	t.Logf("%v; %d looks, at most %d processes alive", report, looks, most)
}

func TestRollWithoutSurgeGivesUpABadReleaseAfterOneProcess(t *testing.T) {
	const n = 4
	s := site.New(t, site.Release{Version: 1, Boot: 50})
	old := site.CurrentOf(t, s)
	p := s.Serve(n, harness.RestartTable("surge = 0", "unavailable = 2"))
	load := harness.Load{Addr: p.Addr, Rate: 100}.Begin()
	defer load.End()
	look := harness.Observe(t, p, harness.FewerReadyThan(n-1)) // until something new works only one is risked
	s.Deploy(site.Release{Version: 2, Boot: 100, Exit: "no such table"})
	harness.MustRestart(t, p, 1)
	harness.AwaitReady(t, p, n)
	harness.AwaitAnswers(t, load, 50)
	look.End()
	mustServe(t, p, n, old)
	harness.MustNotFail(t, load.End())
}
