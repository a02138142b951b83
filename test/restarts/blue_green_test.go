package restarts

import (
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// One switch, no mixed answers: once anybody has been given an answer of the new generation, nobody is
// given one of the old. What is under way at the switch takes up to 100 ms.
func TestBlueGreenGivesNoOldAnswerAfterTheFirstNewOne(t *testing.T) {
	const (
		n     = 8
		swaps = 8
	)
	s := site.New(t, site.Release{Version: 1})
	p := s.Serve(n, harness.RestartTable(`strategy = "blue-green"`))
	look := askInOrder(t, p.Addr, 400, "/", "/slow?ms=3", "/", "/slow?ms=8", "/slow?ms=1", "/slow?ms=100")
	capacity := harness.Observe(t, p, func(s harness.Status) string {
		if len(s.Processes) > 2*n {
			return "more than twice the processes"
		}
		return ""
	})
	for version := 2; version <= 1+swaps; version++ {
		wanted := s.Deploy(site.Release{Version: version, Boot: 100})
		if result := harness.MustRestart(t, p, 0); version == 2 {
			t.Logf("purser restart took %v", result.Took.Round(time.Millisecond))
		}
		harness.MustOnlyLive(t, p, n, wanted)
		mustSwitchOnce(t, p.Status(t, "app").Restart.Steps, n)
	}
	capacity.End()

	answers := look.end(t)
	newest, at, shared := 0, 0, 0
	for i, s := range answers {
		switch {
		case s.generation > newest:
			newest, at = s.generation, s.moment
		case s.generation < newest && s.moment > at:
			t.Errorf("answer %d, to %s, is of generation %d, after the first of generation %d", i+1, s.path, s.generation, newest)
		case s.generation < newest:
			shared++
		}
	}
	if newest != 1+swaps {
		t.Errorf("the newest generation that anybody saw is %d, not %d", newest, 1+swaps)
	}
	t.Logf("%d answers in %d switches; %d old ones came in the very moment of a first new one", len(answers), swaps, shared)
}

// mustSwitchOnce expects that n processes were begun before the switch, and no old one was let go then.
func mustSwitchOnce(t *testing.T, steps []harness.Step, n int) {
	t.Helper()
	begun, switched := 0, 0
	for _, step := range steps {
		switch step.What {
		case "spawning":
			begun++
		case "switched":
			switched++
			if begun < n {
				t.Errorf("only %d of %d new processes were begun before the switch", begun, n)
			}
		case "ready", "draining", "gone":
			if switched == 0 {
				t.Errorf("%s (pid %d) came before the switch: %s", step.What, step.PID, summary(steps))
			}
		}
	}
	if switched != 1 {
		t.Errorf("it switched %d times, not once: %s", switched, summary(steps))
	}
}
