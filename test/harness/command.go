package harness

import (
	"context"
	"sync"
	"testing"
)

// A Command is a run of purser's command line under way.
type Command struct{ Result chan Result }

// StartCommand runs purser's command line beside the test. It has more than the usual patience.
func StartCommand(t *testing.T, p *Purser, args ...string) Command {
	o := Command{make(chan Result, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), 3*Patience)
	var running sync.WaitGroup
	running.Go(func() { o.Result <- p.Run(ctx, args...) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return o
}

// MustExit waits for the end of the run and expects an exit code.
func (o Command) MustExit(t *testing.T, code int) Result {
	t.Helper()
	result := <-o.Result
	o.Result <- result
	if result.Code != code {
		t.Errorf("it exited with %d, not %d: %s%s", result.Code, code, result.Stdout, result.Stderr)
	}
	return result
}

// MustRestart runs purser restart to its end and expects an exit code.
func MustRestart(t *testing.T, p *Purser, code int, args ...string) Result {
	t.Helper()
	return StartCommand(t, p, append([]string{"restart", "app"}, args...)...).MustExit(t, code)
}
