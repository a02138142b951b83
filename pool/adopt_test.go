package pool

import (
	"testing"
	"time"

	"purser/conf"
)

// goesOn has the purser be killed, and the next one go on from the note. These processes have ended meanwhile.
func (s *story) goesOn(ended ...int) {
	s.t.Helper()
	note, err := ReadNote(noteOf(&s.state, s.now, 0).Text())
	if err != nil {
		s.t.Fatal(err)
	}
	before, gone := s.procs, map[int]bool{}
	for _, number := range ended {
		gone[number] = true
	}
	s.did, s.procs = nil, map[int]*Process{}
	next := newGroupState(s.state.app, Release{}, s, s.state.rand)
	note.restore(&next, s.now, func(p *Process, ready bool) Child {
		s.procs[p.number] = p
		if gone[p.number] || before[p.number].state == Gone {
			return nil
		}
		return simChild{100 + p.number}
	})
	s.state = next
	s.state.settle(s.now)
}

// running returns the restart that runs.
func (s *story) running() *restart {
	s.t.Helper()
	r := s.state.running()
	if r == nil {
		s.t.Fatal("no restart runs")
	}
	return r
}

func TestTheNextPurserGoesOnWithWhatServes(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.goesOn()
	s.has()
	s.are("1 ready, 2 ready")
	s.isIn(Up)
	got(t, "who serves", s.asks().proc.number, 1)
	s.exits(1)
	s.has("spawn 3 of /r1") // numbers go on
}

func TestARollingRestartGoesOnAndEnds(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.uses()
	r := s.restarts("/r2")
	s.boots(3)
	s.are("1 stopping, 2 ready, 3 ready g2, 4 spawning g2")
	s.goesOn()
	s.has("kill 4", "spawn 5 of /r2") // what was being spawned is begun anew, and stopping processes are not told again
	again := s.running()
	got(t, "its id", again.id, r.id)
	got(t, "what is found by its id", s.state.find(r.id), again)
	s.exits(1, 4)
	s.boots(5)
	s.exits(2)
	got(t, "the restart", again.state, RestartDone)
	got(t, "its start", again.started.Equal(r.started), true)
	got(t, "the failures", s.state.good.failures, 0)
	s.are("3 ready g2, 5 ready g2")
}

func TestWhatWasDecidedAndNotDoneIsDone(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.procs[1].asked.Store(false) // purser was killed before it could tell it
	s.goesOn(4)                   // or could spawn this
	s.has("stop 1", "spawn 5 of /r2")
}

func TestProcessesThatEndWhileNoPurserRunsAreMadeUpForAndAreNoFailure(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.goesOn(1, 2)
	s.has("spawn 3 of /r1", "spawn 4 of /r1")
	got(t, "the failures", s.state.wanted.failures, 0)
	got(t, "what is said", s.noted("process is gone"), 2)
}

func TestARestartThatIsHeldBackGoesOnBeingHeldBack(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2", time.Second)
	s.boots(3)
	s.are("1 ready, 2 ready, 3 spawning g2")
	s.goesOn()
	s.are("1 ready, 2 ready, 3 spawning g2")
	got(t, "whether another joins it", s.restarts("/r3", time.Second), s.running())
	s.passes(5 * time.Second)
	s.boots(4)
	s.are("1 stopping, 2 ready, 3 stopping g2, 4 ready g2, 5 spawning g2") // 3 is of the release before
}

func TestABlueGreenRestartGoesOnGathering(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restartsBy(BlueGreen, "/r2")
	s.boots(3)
	s.goesOn()
	s.are("1 ready, 2 ready, 3 spawning g2, 4 stopping g2, 5 spawning g2")
	s.exits(4)
	s.boots(5)
	s.are("1 stopping, 2 stopping, 3 ready g2, 5 ready g2")
	r := s.running()
	s.exits(1, 2)
	got(t, "the restart", r.state, RestartDone)
}

func TestABlockingRestartWaitsForTheOldOnesStill(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.asks()
	s.restartsBy(Blocking, "/r2")
	s.are("1 draining, 2 stopping")
	s.goesOn()
	s.are("1 stopping, 2 stopping") // its request has ended with the purser
	s.has("stop 1")
	s.exits(2)
	s.has()
	s.exits(1)
	s.has("spawn 3 of /r2", "spawn 4 of /r2")
}

func TestACanaryWaitsForItsPromotionStill(t *testing.T) {
	s := tell(t, four)
	s.boots(1, 2, 3, 4)
	s.canary(one)
	s.boots(5)
	s.goesOn()
	s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 ready g2")
	got(t, "whether it waits", s.running().waitsForPromotion(), true)
	if _, err := s.state.promote(s.now); err != nil {
		t.Fatal(err)
	}
	r := s.running()
	s.bootsAll(r)
	got(t, "the restart", r.state, RestartDone)
}

func TestBadCodeIsStillResistedAndTriedInItsPause(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.exitsFor(3, "no table")
	s.isIn(Resisting)
	retry := s.state.wanted.retryAt
	s.goesOn()
	s.isIn(Resisting)
	got(t, "why", s.state.wanted.failure.Reason, "no table")
	got(t, "how the restart ended", s.state.lastRestart().state, RestartFailed)
	s.has()
	s.passes(retry.Sub(s.now))
	s.has("spawn 4 of /r2")
}

func TestTheRowOfFailuresGoesOn(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses = 1 })
	for n := 1; n <= 3; n++ {
		s.exits(n)
		s.passes(s.state.wanted.retryAt.Sub(s.now))
	}
	got(t, "the failures", s.state.wanted.failures, 3)
	s.goesOn()
	s.exits(4)
	got(t, "the failures", s.state.wanted.failures, 3) // it was killed
	s.exits(5)
	got(t, "the failures", s.state.wanted.failures, 4)
}

func TestARollbackGoesOn(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.bootsAll(s.restarts("/r2"))
	s.rollsBack()
	s.goesOn()
	r := s.running()
	got(t, "what it is", r.strategy, Rollback)
	got(t, "what serves instead", r.generation.number, 1)
	s.bootsAll(r)
	got(t, "how it ends", r.state, RestartDone)
	s.isIn(RolledBack)
}

func TestAnAppThatIsStoppedStaysStopped(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.asks()
	s.state.endAlone(s.now)
	s.goesOn()
	s.are("1 stopping, 2 stopping")
	s.exits(1, 2)
	s.isIn(Stopped)
	got(t, "what a request is told", s.asks().err, ErrStopped)
}

func TestWhatWasAskedToExitInVainIsKilledAtItsTime(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.state.endAlone(s.now)
	s.passes(29 * time.Second)
	s.goesOn()
	s.has()
	s.passes(time.Second + time.Millisecond)
	s.has("kill 1", "kill 2")
	s.goesOn() // nobody knows whether that was done
	s.has("kill 1", "kill 2")
}

func TestEachProcessKeepsTheConfigurationOfItsGeneration(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.reconfigures(7)
	note := noteOf(&s.state, s.now, 0)
	if used := note.Configs(); !used[0] || !used[7] || len(used) != 2 {
		t.Errorf("its configurations are %v", used)
	}
	s.goesOn()
	got(t, "that of the new", s.state.wanted.config, 7)
	got(t, "that of the old", s.procs[1].generation.config, 0)
	got(t, "whose code the new has", s.state.wanted.code, s.state.good)
}
