package test

import (
	"context"
	"sync"
	"testing"

	"purser/test/harness"
)

// An ordered is a run of purser's command line under way.
type ordered struct{ result chan harness.Result }

// order runs purser's command line beside the test. It has more than the usual patience.
func order(t *testing.T, p *harness.Purser, args ...string) ordered {
	o := ordered{make(chan harness.Result, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	var running sync.WaitGroup
	running.Go(func() { o.result <- p.Run(ctx, args...) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return o
}

// mustExit waits for the end of the run and expects an exit code.
func (o ordered) mustExit(t *testing.T, code int) harness.Result {
	t.Helper()
	result := <-o.result
	o.result <- result
	if result.Code != code {
		t.Errorf("it exited with %d, not %d: %s%s", result.Code, code, result.Stdout, result.Stderr)
	}
	return result
}

// restart runs purser restart to its end and expects an exit code.
func restart(t *testing.T, p *harness.Purser, code int, args ...string) harness.Result {
	t.Helper()
	return order(t, p, append([]string{"restart", "app"}, args...)...).mustExit(t, code)
}
