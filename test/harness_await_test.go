package test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"purser/test/harness"
)

// awaitState waits until a process of a generation is in a state, and returns its pid.
func awaitState(t *testing.T, p *harness.Purser, generation int, state string) (pid int) {
	t.Helper()
	harness.Eventually(t, patience, fmt.Sprintf("a process of generation %d is %s", generation, state), func() bool {
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

// patience is how long a test waits for what takes milliseconds on an idle machine.
const patience = 20 * time.Second

// restartState is the state of the app's running or last restart, "" if there was none.
func restartState(s harness.Status) string {
	if s.Restart == nil {
		return ""
	}
	return s.Restart.State
}

// waitGeneration waits until the app's restart to generation is done.
func waitGeneration(t testing.TB, p *harness.Purser, app string, generation int) {
	t.Helper()
	harness.Eventually(t, patience, fmt.Sprintf("restart of %s to generation %d is done", app, generation), func() bool {
		s := p.Status(t, app)
		return s.Generation == generation && restartState(s) == "done"
	})
}

// within is a context that ends after the tests' patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func awaitReady(t *testing.T, p *harness.Purser, n int) {
	t.Helper()
	harness.Eventually(t, patience, "min_processes are ready", func() bool { return len(p.Status(t, "app").Ready()) == n })
}

func awaitAnswers(t *testing.T, load *harness.Running, n int) {
	t.Helper()
	harness.Eventually(t, patience, "enough requests are answered", func() bool { return len(load.SoFar().Samples) >= n })
}

// awaitGeneration waits until a process of a generation was begun.
func awaitGeneration(t *testing.T, p *harness.Purser, generation int) {
	t.Helper()
	harness.Eventually(t, patience, "the restart has begun", func() bool {
		return slices.ContainsFunc(p.Status(t, "app").Processes, func(p harness.Process) bool { return p.Generation == generation })
	})
}
