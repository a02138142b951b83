package operators

import (
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

func TestTermUnderLoadAnswersWhatWasAccepted(t *testing.T) {
	p, _ := harness.ServeNode(t, harness.Processes(2))
	harness.AwaitReady(t, p, 2)
	pids := p.Status(t, "app").PIDs()
	load := harness.Load{Addr: p.Addr, Rate: 100, Path: "/slow?ms=400"}.Begin()
	defer load.End()
	harness.AwaitAnswers(t, load, 50)
	term := time.Now()
	p.Signal(syscall.SIGTERM)
	code, err := p.Wait(harness.Within(t))
	report := load.End()

	if err != nil || code != 0 {
		t.Fatalf("purser exited with %d (%v), not 0", code, err)
	}
	// What is sent at the very moment of the signal may meet a closed door.
	inFlight := harness.Report{Samples: report.Where(func(s harness.Sample) bool { return s.Due.Before(term.Add(-20 * time.Millisecond)) })}
	harness.MustNotFail(t, inFlight)
	for _, pid := range pids {
		if harness.Alive(pid) {
			t.Errorf("process %d outlived purser", pid)
		}
	}
	t.Logf("before TERM: %v; stop took %v", inFlight, time.Since(term))
}

func TestPurserStopReturnsOnceItIsGone(t *testing.T) {
	p, _ := harness.ServeNode(t)
	if result := p.Run(harness.Within(t), "stop"); result.Code != 0 {
		t.Fatalf("purser stop exited with %d: %s", result.Code, result.Stderr)
	}
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Errorf("purser exited with %d (%v)", code, err)
	}
}

// awaitFirstTerm waits until another TERM is a second one: those of 100 ms are one, by the clock of purser.
func awaitFirstTerm(t *testing.T, p *harness.Purser) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "purser has the first TERM", func() bool { return len(p.Log.Lines("finishing the requests")) == 1 })
	begin := time.Now()
	harness.Eventually(t, harness.Patience, "another TERM is a second one", func() bool { return time.Since(begin) > 200*time.Millisecond })
}

func TestSecondTermEndsItNow(t *testing.T) {
	p, _ := harness.ServeNode(t)
	pid := p.Status(t, "app").Ready()[0].PID
	c := harness.Dial(t, p)
	c.Send("GET /slow?ms=100000 HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "the request is with the app", func() bool { return p.Status(t, "app").Ready()[0].Requests == 1 })
	begin := time.Now()
	p.Signal(syscall.SIGTERM)
	harness.Eventually(t, harness.Patience, "nobody is accepted any more", func() bool { return harness.Refuses(p) })
	awaitFirstTerm(t, p)
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(harness.Within(t)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the second TERM took %v", took)
	}
	harness.Eventually(t, harness.Patience, "the app is gone", func() bool { return !harness.Alive(pid) })
}
