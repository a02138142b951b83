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
	begin := time.Now()
	p.Signal(syscall.SIGTERM)
	harness.Eventually(t, harness.Patience, "another TERM is a second one", func() bool { return time.Since(begin) > 200*time.Millisecond })
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{pid, keeper} {
		if harness.Alive(pid) {
			t.Errorf("process %d outlived purser", pid)
		}
	}
}
