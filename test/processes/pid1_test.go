package processes

import (
	"syscall"
	"testing"

	"purser/test/harness"
)

// asPID1 runs what follows as process 1 of a PID namespace, as a container does.
var asPID1 = []string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}

func TestAsPID1ItReapsOrphansAndEndsCleanly(t *testing.T) {
	harness.MustBeRoot(t)
	goapp, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	app := harness.EmptyApp(t)
	app.Write("start", "#!/bin/sh\nfor i in 1 2 3 4 5; do (sleep 0.2 & sleep 300 &); done\nexec "+goapp+"\n")
	p := harness.Serve(t, harness.Options{Before: asPID1, Config: harness.Config(app.Dir, `command = ["./start"]`, harness.Processes(2))})

	inner := innerPID(t, p)
	harness.Eventually(t, harness.Patience, "of the ten orphans of each process the five that ended are reaped", func() bool {
		return len(harness.Zombies(inner)) == 0 && len(harness.RunningBelow(inner, "sleep")) == 10
	})
	mustStop(t, p, inner)
}

func TestAsPID1ACrashedAppIsReplaced(t *testing.T) {
	harness.MustBeRoot(t)
	app := harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Before: asPID1, Config: harness.Config(app.Dir, harness.Processes(2))})
	inner := innerPID(t, p)
	harness.AwaitReady(t, p, 2)
	victim := harness.RunningBelow(inner, "node")[0]
	harness.Kill(t, victim)
	harness.Eventually(t, harness.Patience, "it is replaced and leaves no zombie", func() bool {
		return len(p.Status(t, "app").Ready()) == 2 && !harness.Alive(victim) && len(harness.Zombies(inner)) == 0
	})
	mustStop(t, p, inner)
}

// mustStop sends TERM to process 1 itself, since unshare passes none on, but the exit code.
func mustStop(t *testing.T, p *harness.Purser, inner int) {
	t.Helper()
	if err := syscall.Kill(inner, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 0 {
		t.Errorf("as PID 1 purser exited with %d (%v), not 0", code, err)
	}
}

// innerPID is the purser in the namespace, as seen from outside: the child of unshare.
func innerPID(t *testing.T, p *harness.Purser) int {
	t.Helper()
	for _, child := range harness.Descendants(p.PID()) {
		if child.Parent == p.PID() {
			return child.PID
		}
	}
	t.Fatal("unshare has no child")
	return 0
}
