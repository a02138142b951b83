package operators

import (
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// The keeper is what ends apps. One that is stopped, or frozen, ends nothing.
func TestSecondTermEndsItAlsoWhereTheKeeperIsStopped(t *testing.T) {
	p, _ := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	pid := p.Status(t, "app").Ready()[0].PID
	keeper := p.Keeper()
	if err := syscall.Kill(keeper, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(300 * time.Millisecond) // nobody can tell when the main process has had the first
	defer again.Stop()
	for ended := false; !ended; {
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.Exited:
			ended = true
		case <-again.C:
		}
	}
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{pid, keeper} {
		if harness.Alive(pid) {
			t.Errorf("process %d outlived purser", pid)
		}
	}
}
