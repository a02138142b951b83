package restarts

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
	"purser/test/harness/site"
)

// In the middle of a roll one old process is killed and one stopped by the kernel, and a third has a
// request that would take an hour: a GET, which a proxy may repeat. It must not be, without end.
func TestRollGoesOnBesideAKilledAStoppedAndABusyProcess(t *testing.T) {
	t.Run("that ends at TERM", func(t *testing.T) { mishaps(t, site.Release{Version: 1}) })
	t.Run("that ends with its requests", func(t *testing.T) { mishaps(t, site.Release{Version: 1, Linger: true}) })
}

func mishaps(t *testing.T, first site.Release) {
	const (
		n, surge = 24, 6 // 25 %
		boot     = 300 * time.Millisecond
		limits   = 3*time.Second + time.Second // drain_timeout and stop_timeout
		bound    = n / surge * boot
	)
	s := site.New(t, first)
	p := s.Serve(n, `drain_timeout = "3s"`, `stop_timeout = "1s"`, harness.RestartTable(`surge = "25%"`))
	old := p.Status(t, "app").PIDs()
	hour := harness.Dial(t, p)
	hour.Send("GET /slow?ms=3600000 HTTP/1.1\r\nHost: example.org\r\n\r\n")
	busy := awaitBusy(t, p)
	load := harness.Load{Addr: p.Addr, Rate: 200}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 200)

	wanted := s.Deploy(site.Release{Version: 2, Boot: int(boot.Milliseconds())})
	rolling := harness.StartCommand(t, p, "restart", "app")
	harness.Eventually(t, harness.Patience, "a quarter is replaced", func() bool {
		s := p.Status(t, "app")
		return s.Generation == 2 && s.Restart.Replaced >= surge
	})
	victims := readyOf(p.Status(t, "app"), 1, busy)
	if len(victims) < 2 {
		t.Fatalf("only %d old processes are left to harm: it was not in the middle of the roll", len(victims))
	}
	harness.Kill(t, victims[0])
	stopped := victims[1]
	if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	result := rolling.MustExit(t, 0)

	if allowed := 4 * (bound + limits); result.Took > allowed {
		t.Errorf("the restart took %v, far more than all boots one after another and the limits for draining: %v", result.Took, bound+limits)
	}
	harness.MustBeGone(t, old)
	harness.MustOnlyLive(t, p, n, wanted)
	harness.AwaitAnswers(t, load, len(load.SoFar().Samples)+200)
	report := load.End()
	harness.MustNotFail(t, report)
	hour.MustBeCut()
	cut := p.Log.Lines("pid=" + strconv.Itoa(busy) + " ")
	if !strings.Contains(strings.Join(cut, "\n"), "requests=1") {
		t.Errorf("the log does not tell that process %d was ended with a request: %v", busy, cut)
	}
	t.Logf("%v; purser restart took %v, where boots and limits add up to %v", report, result.Took.Round(time.Millisecond), bound+limits)
}

// awaitBusy waits until a process has a request and returns its pid.
func awaitBusy(t *testing.T, p *harness.Purser) (pid int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "a process has a request", func() bool {
		for _, process := range p.Status(t, "app").Ready() {
			if process.Requests > 0 {
				pid = process.PID
			}
		}
		return pid != 0
	})
	return pid
}

// readyOf are the pids of the ready processes of a generation, without one.
func readyOf(s harness.Status, generation, without int) []int {
	var pids []int
	for _, p := range s.Ready() {
		if p.Generation == generation && p.PID != without {
			pids = append(pids, p.PID)
		}
	}
	return pids
}
