package processes

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

func TestKillingRandomProcessesFailsNoGet(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(4))
	harness.AwaitReady(t, p, 4)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)

	const kills = 20
	pause := time.NewTicker(300 * time.Millisecond)
	defer pause.Stop()
	for range kills {
		killRandom(t, p)
		<-pause.C // the pace of the killing is the test; nothing is waited for
	}
	harness.AwaitReady(t, p, 4)
	report := load.End()

	harness.MustNotFail(t, report)
	if zombies := harness.Zombies(p.PID()); len(zombies) > 0 {
		t.Errorf("purser left zombies: %+v", zombies)
	}
	t.Logf("%d kills: %v", kills, report)
}

func TestAppThatExitsWhileAnsweringIs502AndIsReplaced(t *testing.T) {
	p, _ := harness.ServeNode(t)
	answer := harness.Get(t, p, "/exit")
	if answer.StatusCode != 502 || answer.Header.Get("Purser-Error") != "process_exited" {
		t.Errorf("the answer was %d with Purser-Error %q, not 502 process_exited", answer.StatusCode, answer.Header.Get("Purser-Error"))
	}
	if after := harness.Get(t, p, "/"); after.StatusCode != 200 {
		t.Errorf("the next request got %d: %s", after.StatusCode, after.Body)
	}
}

func TestPurserKilledTakesItsAppsWithIt(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(3))
	harness.AwaitReady(t, p, 3)
	pids := p.Status(t, "app").PIDs()
	p.Signal(syscall.SIGKILL)
	<-p.Exited
	harness.Eventually(t, harness.Patience, "all apps are gone", func() bool {
		for _, pid := range pids {
			if harness.Alive(pid) {
				return false
			}
		}
		return true
	})
}

// killRandom kills one of the ready processes, if there is one.
func killRandom(t *testing.T, p *harness.Purser) {
	t.Helper()
	ready := p.Status(t, "app").Ready()
	if len(ready) > 0 {
		harness.Kill(t, ready[rand.IntN(len(ready))].PID)
	}
}
