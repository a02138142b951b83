package restarts

import (
	"testing"
	"time"

	"purser/test/harness"
)

// However often the file is touched in a row, that is one restart, and what it costs does not grow with
// the number of touches.
func TestManyTouchesInARowAreOneRestartAndAFewProcesses(t *testing.T) {
	t.Parallel()
	p, app := harness.ServeNode(t, harness.RestartTable(`settle = "2s"`)) // a busy machine has pauses of its own
	events := p.Follow(t, "")
	defer events.Close()
	harness.AwaitState(t, p, 1, "ready") // a file that comes meanwhile may be its own doing
	app.Touch()                          // and so the file is there
	harness.AwaitRestart(t, p, "app", 2)
	before := spawns(events.Seen(t))

	const touches = 60
	for i := range touches {
		if i == touches/2 {
			app.Write("VERSION", "2")
		}
		app.Touch()
		<-time.After(50 * time.Millisecond) // which is the story
	}
	harness.AwaitRestart(t, p, "app", 3)
	if body := harness.Get(t, p, "/").Body; harness.WordIn(body, "v") != "2" {
		t.Errorf("after all touches came %q", body)
	}
	harness.Eventually(t, harness.Patience, "only the new process is left", func() bool { return len(p.Status(t, "app").Processes) == 1 })
	if spawned := spawns(events.Seen(t)) - before; spawned > 4 {
		t.Errorf("%d touches led to %d processes", touches, spawned)
	}
	if told := p.Log.Lines("restart requested"); len(told) > 5 {
		t.Errorf("the log tells %d times that a restart was requested", len(told))
	}
}

func spawns(all []harness.Event) (n int) {
	for _, e := range all {
		if e.Kind == "process" && e.What == "spawning" {
			n++
		}
	}
	return n
}
