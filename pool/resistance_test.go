package pool

import (
	"errors"
	"slices"
	"testing"
	"time"

	"purser/conf"
)

// deployed is an app of which two processes of /r1 serve when /r2 is deployed.
func deployed(t *testing.T, change ...func(*conf.App)) (*story, *restart) {
	s := tell(t, change...)
	s.boots(1, 2)
	s.uses()
	r := s.restarts("/r2")
	s.did = nil
	return s, r
}

func unresisting(app *conf.App) { app.Restart.ResistDeploymentErrors = false }

func TestBadReleaseTouchesNothing(t *testing.T) {
	s, r := deployed(t)
	s.exits(3)
	s.are("1 ready, 2 ready")
	s.has()
	s.isIn(Resisting)
	got(t, "the restart", r.state, RestartFailed)
	got(t, "its steps", steps(r), "requested, spawning 0 g2, gone, failed")
	got(t, "its reason", r.failure.Reason, "exited with status 1")
	got(t, "the length of its error id", len(r.failure.ErrorID), 8)
	if s.asks().proc == nil {
		t.Fatal("a request is not served while the group resists")
	}
}

func TestResistingGroupHealsAndGrowsWithTheLastGoodRelease(t *testing.T) {
	s, _ := deployed(t)
	s.exits(3)
	s.exits(1)
	s.has("spawn 4 of /r1")
	s.boots(4)
	s.asked(3)
	s.has("spawn 5 of /r1")
	s.are("2 ready, 4 ready, 5 spawning")
}

func TestBadReleaseIsProbedAndLeavesResistanceWhenItBoots(t *testing.T) {
	s, r := deployed(t)
	s.exits(3)
	s.passes(900 * time.Millisecond)
	s.has()
	s.passes(400 * time.Millisecond)
	s.has("spawn 4 of /r2")
	s.exits(4)
	s.passes(1900 * time.Millisecond)
	s.has()
	s.passes(600 * time.Millisecond)
	s.has("spawn 5 of /r2")
	s.isIn(Resisting)
	got(t, "how often resistance was logged", s.noted("resisting deployment error"), 1)

	s.boots(5)
	got(t, "how often recovery was logged", s.noted("recovered from deployment error"), 1)
	s.isIn(Restarting)
	s.exits(1)
	s.boots(6)
	s.exits(2)
	s.are("5 ready g2, 6 ready g2")
	s.isIn(Up)
	got(t, "the restart, after all", r.state, RestartDone)
	got(t, "why it failed", r.failure, (*Failure)(nil))
	got(t, "what it did last", r.steps[len(r.steps)-1].What, "done")
	got(t, "how often it ended", len(s.ends), 2)
	got(t, "the last good release", s.state.good.release.Path, "/r2")
}

func TestManualRestartLeavesResistanceAtOnce(t *testing.T) {
	s, _ := deployed(t)
	s.exits(3)
	s.restarts("/r3")
	s.has("spawn 4 of /r3")
	s.isIn(Restarting)
}

func TestReleaseOfWhichSomeServeIsRolledBackAfterThreeFailures(t *testing.T) {
	s, r := deployed(t)
	s.boots(3)
	s.exits(1)
	s.has("spawn 4 of /r2", "stop 1")
	for range 2 {
		s.exits(s.state.spawned)
		got(t, "the restart", r.state, RestartRunning)
		s.passes(3 * time.Second)
	}
	s.has("spawn 5 of /r2", "spawn 6 of /r2")
	s.exits(6)
	s.are("2 ready, 3 ready g2, 7 spawning")
	s.isIn(Resisting)
	s.boots(7)
	s.are("2 ready, 3 stopping g2, 7 ready") // only now
	got(t, "the restart", r.state, RestartFailed)
	if !slices.ContainsFunc(r.steps, func(s Step) bool { return s.What == "rolled-back" }) {
		t.Fatalf("no step says that it was rolled back: %s", steps(r))
	}
	if len(s.ends) != 1 || s.ends[0].Failure == nil {
		t.Fatalf("the observer was told %+v", s.ends)
	}
}

func TestSuccessBetweenFailuresBeginsTheRowAnew(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 4 })
	s.boots(1, 2, 3, 4)
	s.restarts("/r2")
	s.boots(5)
	for range 3 {
		s.exits(s.state.procs[0].number)
		s.exits(s.state.spawned)
		s.passes(5 * time.Second)
		s.boots(s.state.spawned)
	}
	got(t, "whether the release counts as bad", s.state.wanted.bad(), false)
}

func TestCrashRepairUsesTheNewReleaseOnceItServes(t *testing.T) {
	s, _ := deployed(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 2, 6 })
	s.exits(1)
	s.has("spawn 4 of /r1")
	s.boots(4, 3)
	s.uses()
	s.did = nil
	s.exits(4, 2)
	for _, did := range s.did {
		if slices.Contains([]string{"spawn 6 of /r1", "spawn 7 of /r1"}, did) {
			t.Fatalf("repaired with the old release: %q", s.did)
		}
	}
}

func TestWithoutResistanceOnlyTheNewReleaseIsTried(t *testing.T) {
	s, r := deployed(t, unresisting)
	s.exits(3)
	got(t, "the restart", r.state, RestartFailed)
	s.are("1 ready, 2 ready")
	s.isIn(Restarting)
	s.exits(1)
	s.has() // no healing with old code
	s.passes(1300 * time.Millisecond)
	s.has("spawn 4 of /r2")
	s.boots(4)
	s.are("2 ready, 4 ready g2, 5 spawning g2")
}

func TestFirstGenerationThatFails(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	waiting := s.asks()
	s.state.exited(s.now, s.procs[1], chatty{})
	var start *StartError
	if !errors.As(waiting.err, &start) || start.App != "blog" || start.Failure.Reason != "exited at once" {
		t.Fatalf("the request got %v", waiting.err)
	}
	if !slices.Equal(start.Failure.Output, []string{"boom"}) {
		t.Fatalf("the child's last lines are %q", start.Failure.Output)
	}
	s.isIn(Failed)
	if err := s.asks().err; err != nil { // answered, not refused
		t.Fatal(err)
	}
	got(t, "the queue", s.state.queue.length, 0)
	s.passes(1300 * time.Millisecond)
	s.isIn(Starting)
	waiting = s.asks()
	s.boots(2)
	got(t, "who serves", waiting.proc.number, 2)
	s.isIn(Up)
}

// chatty is an error that knows what the child printed.
type chatty struct{}

func (chatty) Error() string       { return `cannot start app "blog": exited at once` }
func (chatty) LastLines() []string { return []string{"boom"} }

func TestFailedSpawnNeverErrorsTheQueueWhileAnythingIsComing(t *testing.T) {
	s := tell(t)
	waiting := s.asks()
	s.exits(1)
	got(t, "what the request got", waiting.err, nil)
	s.boots(2)
	got(t, "who serves it", waiting.proc.number, 2)
}

func TestPausesAfterFailuresGrowToAMinute(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	for i := range 9 {
		failed := s.now
		s.exits(i + 1)
		s.passes(61 * time.Second)
		low := min(time.Second<<i, 50*time.Second)
		pause := s.procs[i+2].began.Sub(failed)
		if pause < low || pause > low+low/5+time.Millisecond {
			t.Fatalf("pause %d took %v, it should take %v and up to a fifth more", i, pause, low)
		}
	}
}

func TestManualRestartEndsThePause(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	for i := range 5 {
		s.exits(i + 1)
		s.passes(30 * time.Second)
	}
	s.exits(s.state.spawned)
	s.did = nil
	s.restarts("/r2")
	s.has("spawn 7 of /r2")
}

func TestOnlyOneProcessTriesWhatFailed(t *testing.T) {
	s := tell(t)
	s.exits(1, 2)
	s.passes(2 * time.Second)
	s.are("3 spawning")
	s.boots(3)
	s.are("3 ready, 4 spawning")
}
