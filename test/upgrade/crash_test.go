package upgrade

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// The new front crashes: another follows, and the old one goes on with what it has.
func TestAnOldFrontOutlivesTheOwner(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t)
	harness.AwaitReady(t, p, 1)
	apps := p.Status(t, "app").PIDs()
	request := busy(t, p, "go")
	upgradeToNext(t, p)
	old := oldFront(t, p)
	for range 3 {
		harness.Kill(t, slices.DeleteFunc(p.Fronts(), func(pid int) bool { return pid == old.PID })[0])
		mustServe(t, p)
		if now := oldFront(t, p); now.PID != old.PID || now.Requests != 1 {
			t.Errorf("the old front has %+v", now)
		}
		if s := p.Status(t, "app"); s.Ready()[0].Requests != 1 {
			t.Errorf("what it has been lent is not known:\n%s", harness.Describe(s))
		}
	}
	app.Write("go", "")
	harness.MustBeAnswered(t, request)
	p.AwaitNoOldFronts(t)
	if now := p.Status(t, "app"); !slices.Equal(now.PIDs(), apps) || now.Ready()[0].Requests != 0 {
		t.Errorf("before, %v served:\n%s", apps, harness.Describe(now))
	}
	if v := p.Versions(t).Version; v != harness.NextVersion {
		t.Errorf("version %s serves", v)
	}
}

// An old front crashes: what it had been lent comes back.
func TestWhatAnOldFrontHadComesBack(t *testing.T) {
	t.Parallel()
	p, _ := harness.ServeNode(t, "concurrency = 1", harness.Processes(1))
	harness.AwaitReady(t, p, 1)
	request := busy(t, p, "never")
	upgradeToNext(t, p)
	harness.Kill(t, oldFront(t, p).PID)
	if a, _, err := request.TryAnswer("GET"); err == nil {
		t.Errorf("its request is answered with %d", a.StatusCode)
	}
	harness.Eventually(t, harness.Patience, "the process is free again", func() bool {
		s := p.Status(t, "app")
		return s.Ready()[0].Requests == 0 && len(p.Versions(t).OldFronts) == 0
	})
	mustServe(t, p)
	if kinds := harness.Kinds(p.History(t)); slices.Contains(kinds, "front-crash failed") {
		t.Errorf("the history tells of a crash: %v", kinds)
	}
}

// The owner hangs: who waits in the old front is told so when queue_timeout is over, and not when another owner is there.
func TestWhoWaitsInAnOldFrontDoesNotWaitForAnOwnerThatHangs(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, "concurrency = 1", `queue_timeout = "2s"`)
	harness.AwaitReady(t, p, 1)
	request := busy(t, p, "go")
	waiting := harness.Dial(t, p)
	waiting.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	harness.Eventually(t, harness.Patience, "it waits", func() bool { return p.Status(t, "app").Queue == 1 })
	upgradeToNext(t, p)
	old, begin := oldFront(t, p), time.Now()
	owner := slices.DeleteFunc(p.Fronts(), func(pid int) bool { return pid == old.PID })[0]
	if err := syscall.Kill(owner, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if a := waiting.Answer("GET"); a.StatusCode != 504 || time.Since(begin) > 4*time.Second {
		t.Errorf("after %v it is answered with %d", time.Since(begin), a.StatusCode)
	}
	app.Write("go", "")
	harness.MustBeAnswered(t, request)
	mustServe(t, p) // the next owner
	p.AwaitNoOldFronts(t)
}
