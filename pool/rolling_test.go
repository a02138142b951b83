package pool

import (
	"fmt"
	"testing"
	"time"

	"purser/conf"
)

func TestRollingRestartReplacesOneByOne(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.did = nil

	r := s.restarts("/r2")
	s.has("spawn 3 of /r2")
	s.isIn(Restarting)
	s.boots(3)
	s.are("1 stopping, 2 ready, 3 ready g2, 4 spawning g2") // the slow exit of 1 holds nothing up
	s.exits(1)
	s.boots(4)
	got(t, "the restart", r.state, RestartRunning)
	s.are("2 stopping, 3 ready g2, 4 ready g2")
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
	s.isIn(Up)
	s.has("spawn 4 of /r2", "stop 1", "stop 2")
	got(t, "the steps", steps(r), "requested, spawning 0 g2, ready 103 g2, draining 101 g1, spawning 0 g2, "+
		"gone 101 g1, ready 104 g2, draining 102 g1, gone 102 g1, done")
	if len(s.ends) != 1 || s.ends[0].State != RestartDone || s.ends[0].Replaced != 2 || s.ends[0].Total != 2 {
		t.Fatalf("the observer was told %+v", s.ends)
	}
}

func TestNewProcessTakesRequestsBeforeTheOldOneDrains(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	running := s.asks()
	waiting := s.asks()
	s.restarts("/r2")
	s.boots(2)
	got(t, "who serves the waiting request", waiting.proc.number, 2)
	s.are("1 draining, 2 ready g2")
	s.done(running)
	s.are("1 stopping, 2 ready g2")
}

func TestRestartIsDoneOnlyWhenNoOldAnswerIsPossible(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.boots(1)
	w := s.asks()
	r := s.restarts("/r2")
	s.boots(2)
	s.passes(30 * time.Second)
	got(t, "the restart", r.state, RestartRunning)
	s.done(w)
	got(t, "the restart", r.state, RestartRunning)
	s.exits(1)
	got(t, "the restart", r.state, RestartDone)
}

func TestDrainEndsAtItsDeadlineAndStopAtItsOwn(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.boots(1)
	s.asks()
	s.restarts("/r2")
	s.boots(2)
	s.did = nil
	s.passes(time.Minute - time.Second)
	s.has()
	s.passes(time.Second)
	s.has("stop 1")
	s.passes(29 * time.Second)
	s.has()
	s.passes(time.Hour)
	s.has("kill 1")
	s.exits(1)
	got(t, "the last restart", s.state.lastRestart().state, RestartDone)
}

func TestLongLivedConnectionsHaveTheirOwnDeadline(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.boots(1)
	w := s.asks()
	s.state.hold(w.proc)
	r := s.restarts("/r2")
	s.boots(2)
	got(t, "the restart, though a connection is open", r.state, RestartDone)
	s.passes(5*time.Minute - time.Second)
	s.are("1 draining, 2 ready g2")
	s.passes(time.Second)
	s.are("1 stopping, 2 ready g2")
}

func TestHeldConnectionMakesRoomForARequest(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	w := s.asks()
	waiting := s.asks()
	if waiting.proc != nil {
		t.Fatal("a process of concurrency 1 was lent twice")
	}
	if s.state.hold(w.proc) {
		s.state.released(s.now, w.proc)
	}
	got(t, "who serves the waiting request", waiting.proc, w.proc)
}

func TestRollGoesOnBesideASlowDrainOnlyWithinTheSurge(t *testing.T) {
	for _, test := range []struct {
		max  int
		want string
	}{
		{3, "1 draining, 2 ready, 3 ready g2, 4 spawning g2"},
		{2, "1 draining, 2 ready, 3 ready g2"},
	} {
		t.Run(fmt.Sprint("max ", test.max), func(t *testing.T) {
			s := tell(t, func(app *conf.App) { app.MaxProcesses = test.max })
			s.boots(1, 2)
			s.asked(2)
			s.restarts("/r2")
			s.boots(3)
			s.are(test.want)
		})
	}
}

func TestSurgeReplacesSeveralAtOnce(t *testing.T) {
	for _, surge := range []conf.Amount{{Count: 2}, {Percent: 50}} {
		s := tell(t, func(app *conf.App) { app.MinProcesses, app.Restart.Surge = 4, surge })
		s.boots(1, 2, 3, 4)
		s.restarts("/r2")
		s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 spawning g2, 6 spawning g2")
	}
}

func TestProcessesThatGrewMeanwhileAreReplacedOneForOne(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.boots(1)
	s.restarts("/r2")
	waiting := s.asked(3) // more load while the new code starts: the old one grows
	s.are("1 ready, 2 spawning g2, 3 spawning, 4 spawning")
	s.boots(3, 4)
	for _, w := range waiting {
		s.done(w)
	}
	s.boots(2)
	s.are("1 stopping, 2 ready g2, 3 ready, 4 ready, 5 spawning g2")
}

func TestNewerRestartSupersedes(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/r2")
	s.did = nil
	second := s.restarts("/r3")
	got(t, "the first", first.state, RestartSuperseded)
	s.has("abort 3", "spawn 4 of /r3")
	s.exits(3)
	s.boots(4)
	s.exits(1)
	s.boots(5)
	s.exits(2)
	got(t, "the second", second.state, RestartDone)
	got(t, "the wanted generation", s.state.wanted.number, 3)
	got(t, "its steps", steps(first), "requested, spawning 0 g2, superseded")
}

func TestSupersededRollLeavesNothingOfItself(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.exits(1)
	r := s.restarts("/r3")
	s.are("2 ready, 3 ready g2, 4 stopping g2, 5 spawning g3")
	s.exits(4)
	s.boots(5)
	s.exits(2)
	s.boots(6)
	s.are("3 stopping g2, 5 ready g3, 6 ready g3")
	s.exits(3)
	got(t, "the restart", r.state, RestartDone)
}

func TestChildThatIsReadyWhenGivenUpIsStopped(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.restarts("/r3")
	s.did = nil
	s.boots(3)
	s.has("stop 3")
	s.passes(time.Minute)
	s.has("kill 3")
}

func TestRestartDuringTheFirstStart(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	r := s.restarts("/r2")
	s.are("1 stopping, 2 spawning g2")
	s.boots(2)
	s.exits(1)
	got(t, "the restart", r.state, RestartDone)
	s.isIn(Up)
}

func TestRestartOfARestingAppProvesTheRelease(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 0 })
	w := s.asks()
	s.boots(1)
	s.done(w)
	s.exits(1)
	s.isIn(Resting)

	r := s.restarts("/r2")
	s.are("2 spawning g2")
	waiting := s.asks()
	s.are("2 spawning g2") // the request waits for the new code
	s.boots(2)
	got(t, "the restart", r.state, RestartDone)
	got(t, "who serves the request", waiting.proc.number, 2)
}

func TestOldOneThatCrashesMeanwhileIsNotMissed(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.uses()
	r := s.restarts("/r2")
	s.exits(1)
	s.are("2 ready, 3 spawning g2, 4 spawning") // repaired with what is known to work
	s.boots(3)
	s.are("2 ready, 3 ready g2, 4 stopping, 5 spawning g2") // from here on with the new code
	s.exits(4)
	s.boots(5)
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
}

func TestRestartWithoutAnyRoomMakesItsOwn(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	waiting := s.asked(2)
	s.boots(1, 2)
	for _, w := range waiting {
		s.done(w)
	}
	s.slots.limit, s.slots.accounts[s].surplus = 2, 1 // its surge is used up, another app has the rest
	s.did = nil
	r := s.restarts("/r2")
	s.has("stop 1")
	s.exits(1)
	s.has("spawn 3 of /r2")
	s.boots(3)
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
}

func TestTwentyRestartsAreRemembered(t *testing.T) {
	s := tell(t)
	for i := range 25 {
		s.restarts(fmt.Sprint("/r", i))
	}
	got(t, "how many are remembered", len(s.state.restarts), 20)
	got(t, "the oldest", s.state.restarts[0].id, "r-/r5")
}
