package harness

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Patience is how long a test waits for what takes milliseconds on an idle machine.
const Patience = 20 * time.Second

// Within is a context that ends after the tests' patience.
func Within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// AwaitReady waits until exactly n processes are ready.
func AwaitReady(t *testing.T, p *Purser, n int) {
	t.Helper()
	Eventually(t, Patience, "min_processes are ready", func() bool { return len(p.Status(t, "app").Ready()) == n })
}

// AwaitAnswers waits until a load has n answers in all.
func AwaitAnswers(t *testing.T, load *Running, n int) {
	t.Helper()
	Eventually(t, Patience, "enough requests are answered", func() bool { return len(load.SoFar().Samples) >= n })
}

// AwaitGeneration waits until a process of a generation was begun.
func AwaitGeneration(t *testing.T, p *Purser, generation int) {
	t.Helper()
	Eventually(t, Patience, "the restart has begun", func() bool {
		return slices.ContainsFunc(p.Status(t, "app").Processes, func(p Process) bool { return p.Generation == generation })
	})
}

// AwaitRestart waits until the app's restart to generation is done.
func AwaitRestart(t testing.TB, p *Purser, app string, generation int) {
	t.Helper()
	Eventually(t, Patience, fmt.Sprintf("restart of %s to generation %d is done", app, generation), func() bool {
		s := p.Status(t, app)
		return s.Generation == generation && RestartState(s) == "done"
	})
}

// AwaitState waits until a process of a generation is in a state, and returns its pid.
func AwaitState(t *testing.T, p *Purser, generation int, state string) (pid int) {
	t.Helper()
	Eventually(t, Patience, fmt.Sprintf("a process of generation %d is %s", generation, state), func() bool {
		for _, process := range p.Status(t, "app").Processes {
			if process.Generation == generation && process.State == state {
				pid = process.PID
				return true
			}
		}
		return false
	})
	return pid
}

// MustReplaceKilled kills a process, and waits until it is gone and exactly n are ready.
func MustReplaceKilled(t *testing.T, p *Purser, n, victim int) {
	t.Helper()
	Kill(t, victim)
	Eventually(t, Patience, "the killed process is replaced", func() bool {
		s := p.Status(t, "app")
		return len(s.Ready()) == n && !slices.Contains(s.PIDs(), victim)
	})
}

// RestartState is the state of the app's running or last restart, "" if there was none.
func RestartState(s Status) string {
	if s.Restart == nil {
		return ""
	}
	return s.Restart.State
}

// AwaitRestartOf waits until another process serves in the place of one that was killed.
func AwaitRestartOf(t testing.TB, p *Purser, app string, victim int) {
	t.Helper()
	Eventually(t, ReadyLimit, "another process serves", func() bool {
		s, err := p.FetchStatus(t.Context(), app)
		if err != nil {
			return false
		}
		ready := s.Ready()
		return len(ready) > 0 && !slices.ContainsFunc(ready, func(r Process) bool { return r.PID == victim })
	})
}
