package processes

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"purser/test/harness"
)

func TestKillingRandomProcessesFailsNoGet(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(4))
	harness.AwaitReady(t, p, 4)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 100)

	const kills = 20
	for range kills { // a request may be given to another process once: so each kill is over before the next
		harness.MustReplaceKilled(t, p, 4, p.Status(t, "app").Ready()[rand.IntN(4)].PID)
		harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+40)
	}
	report := load.End()

	harness.MustNotFail(t, report)
	if crashes := p.Log.Lines("process crashed"); len(crashes) != kills { // requests may notice it before the exit is known
		t.Errorf("%d of %d crashes are in the log", len(crashes), kills)
	}
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
