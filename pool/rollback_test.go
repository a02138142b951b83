package pool

import (
	"testing"
	"time"

	"purser/conf"
)

func kept(app *conf.App) { app.Restart.RollbackWindow = time.Minute }

func watched(app *conf.App) { app.Health.Probation = 30 * time.Second }

func (s *story) rollsBack() *restart {
	s.t.Helper()
	r, err := s.state.rollback(s.now, "rollback", "")
	if err != nil {
		s.t.Fatalf("the rollback is refused: %v", err)
	}
	return r
}

// swapped is a group of 2 that has gone from release 1 to 2, with nothing left of the old ones but what
// is kept.
func swapped(t *testing.T, change ...func(*conf.App)) (*story, *restart) {
	s := tell(t, change...)
	s.boots(1, 2)
	r := s.restarts("/r2")
	for n := 1; n <= 2; n++ {
		s.boots(n + 2)
		if s.procs[n].state == Stopping {
			s.exits(n)
		}
	}
	return s, r
}

func answers(n *generation, answered, erred int) {
	n.tally = tally{answered, erred}
}

func TestRollbackInTheWindowIsAtOnce(t *testing.T) {
	s, r := swapped(t, kept)
	got(t, "the restart", r.state, RestartDone)
	s.are("1 standby, 2 standby, 3 ready g2, 4 ready g2")
	s.passes(59 * time.Second)
	back := s.rollsBack()
	s.are("1 ready, 2 ready, 3 stopping g2, 4 stopping g2")
	s.exits(3, 4)
	got(t, "the rollback", back.state, RestartDone)
	s.isIn(RolledBack)
}

func TestAfterTheWindowItIsByRespawn(t *testing.T) {
	s, _ := swapped(t, kept)
	s.passes(time.Minute)
	s.are("1 stopping, 2 stopping, 3 ready g2, 4 ready g2")
	s.exits(1, 2)
	s.did = nil
	back := s.rollsBack()
	s.has("spawn 5 of /r1")
	s.boots(5)
	s.exits(3)
	s.boots(6)
	s.exits(4)
	got(t, "the rollback", back.state, RestartDone)
	s.are("5 ready, 6 ready")
}

func TestNoMoreIsKeptThanFitsIntoMemory(t *testing.T) {
	s := tell(t, kept)
	s.boots(1, 2)
	s.restartsBy(Rolling, "/r2", func(req *RestartRequest) { req.Memory = Memory{Free: 2, PerProcess: 1} })
	s.boots(3)
	s.boots(4)
	s.are("1 standby, 2 stopping, 3 ready g2, 4 ready g2")
}

func TestRefusedRestartLeavesWhatFitsIntoMemoryAsItIs(t *testing.T) {
	s := tell(t, kept)
	s.boots(1, 2)
	s.restartsBy(Rolling, "/r2", func(req *RestartRequest) { req.Memory = Memory{Free: 2, PerProcess: 1} })
	refused := s.state.newRestart(s.state.plot(s.now), "r-refused", RestartRequest{Strategy: Rolling}, s.state.running())
	refused.failure = &Failure{Reason: "the before_restart hook exited with status 1"}
	s.state.endUnbegun(s.now, refused, RestartFailed)
	s.boots(3)
	s.boots(4)
	s.are("1 standby, 2 stopping, 3 ready g2, 4 ready g2")
}

func TestRollbackInMidRollFailsTheRestart(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.asked(2)
	r := s.restarts("/r2")
	s.boots(3)
	s.are("1 draining, 2 ready, 3 ready g2, 4 spawning g2")
	back := s.rollsBack()
	got(t, "the restart", r.state, RestartFailed)
	s.are("1 ready, 2 ready, 3 stopping g2, 4 stopping g2") // 1 has not gone yet, so it goes on
	s.exits(3, 4)
	got(t, "the rollback", back.state, RestartDone)
	s.passes(time.Hour)
	s.are("1 ready, 2 ready") // what was taken back is not tried again
}

func TestRollbackNeedsSomethingOlder(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	_, err := s.state.rollback(s.now, "x", "")
	got(t, "the error", err, ErrNothingOlder)
}

func TestRollbackGoesFurtherBackEachTime(t *testing.T) {
	s, _ := swapped(t)
	s.lands("/r3")
	for i, path := range []string{"/r2", "/r1"} {
		s.did = nil
		s.rollsBack()
		next := 7 + 2*i
		s.has("spawn " + string(rune('0'+next)) + " of " + path)
		s.boots(next)
		s.exits(next - 2)
		s.boots(next + 1)
		s.exits(next - 1)
	}
	s.isIn(RolledBack)
}

func TestRollbackToCodeThatIsGoneGoesNowhere(t *testing.T) {
	s, _ := swapped(t)
	back := s.rollsBack()
	for n := 5; n <= 7; n++ {
		s.exits(n) // its folder was pruned
		s.passes(3 * time.Second)
	}
	got(t, "the rollback", back.state, RestartFailed)
	s.are("3 ready g2, 4 ready g2")
	s.isIn(Up)
}

func TestDeploymentInPlaceLeavesNoOldCode(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	r := s.restarts("/r1")
	s.exits(3)
	got(t, "the restart", r.state, RestartFailed)
	s.isIn(Resisting)
	s.uses()
	s.did = nil
	s.exits(1)
	s.passes(3 * time.Second)
	s.has("spawn 4 of /r1")
	got(t, "the generation of what is spawned there", s.procs[4].generation.number, 2)
	if snapshot := snapshotOf(&s.state, s.now); !snapshot.Overwritten {
		t.Fatal("status does not say that the old code is gone")
	}
}

func TestRollbackInPlaceIsPossibleAsLongAsOldProcessesLive(t *testing.T) {
	s := tell(t, kept)
	s.boots(1, 2)
	s.restarts("/r1")
	s.boots(3)
	s.boots(4)
	s.are("1 standby, 2 standby, 3 ready g2, 4 ready g2")
	s.rollsBack()
	s.are("1 ready, 2 ready, 3 stopping g2, 4 stopping g2")

	s = tell(t)
	s.boots(1, 2)
	s.restarts("/r1")
	s.boots(3)
	s.boots(4)
	s.exits(1, 2)
	_, err := s.state.rollback(s.now, "x", "")
	got(t, "the error", err, ErrOverwritten)
}

func TestProbationEndsTheRestart(t *testing.T) {
	s, r := swapped(t, watched)
	got(t, "the restart", r.state, RestartRunning)
	s.passes(29 * time.Second)
	got(t, "the restart", r.state, RestartRunning)
	got(t, "the last good generation", s.state.good.number, 1)
	s.passes(time.Second)
	got(t, "the restart", r.state, RestartDone)
	got(t, "the last good generation", s.state.good.number, 2)
}

func TestCodeThatAnswersWorseIsRolledBack(t *testing.T) {
	s, r := swapped(t, watched)
	answers(s.state.good, 1000, 2)
	answers(s.state.wanted, 99, 19)
	p := s.asks().proc
	if s.state.giveBack(p, Erred) {
		s.state.released(s.now, p)
	}
	got(t, "whether it was taken back", s.state.wanted.rejected(), true)
	s.boots(5)
	s.exits(3)
	s.boots(6)
	s.exits(4)
	got(t, "the restart", r.state, RestartFailed)
	got(t, "why", r.failure.Reason, "20 of its 100 answers were errors (5xx or none), before it 2 of 1000")
	s.are("5 ready, 6 ready")
}

func TestCodeThatCrashesWhileItTakesOverIsRolledBack(t *testing.T) {
	s, r := swapped(t, watched)
	for n := 3; n <= 5; n++ {
		got(t, "the restart", r.state, RestartRunning)
		s.uses()
		s.exits(n)
		s.boots(n + 2)
	}
	s.boots(8)
	s.exits(6)
	got(t, "the restart", r.state, RestartFailed)
	got(t, "why", r.failure.Reason, "3 of its processes crashed while it was taking over; the last exited with status 1")
	s.are("7 ready, 8 ready")
}

func TestWorse(t *testing.T) {
	for _, test := range []struct {
		now, before tally
		want        bool
	}{
		{tally{100, 20}, tally{1000, 0}, true},
		{tally{20, 4}, tally{1000, 0}, true},
		{tally{19, 19}, tally{1000, 0}, false},  // too few to say
		{tally{100, 2}, tally{1000, 0}, false},  // too few errors
		{tally{100, 20}, tally{100, 20}, false}, // as before
		{tally{100, 25}, tally{100, 20}, false}, // may be chance
		{tally{20, 20}, tally{0, 0}, true},      // nothing to compare with: 0 of 20 is granted
		{tally{20, 6}, tally{0, 0}, false},
		{tally{10000, 100}, tally{10000, 10}, true},
	} {
		if worse := test.now.worseThan(test.before) != ""; worse != test.want {
			t.Errorf("%+v is worse than %+v: %v", test.now, test.before, worse)
		}
	}
}

func TestVisitorsGoOneWay(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.are("1 stopping, 2 ready, 3 ready g2, 4 spawning g2")
	got(t, "who serves", s.state.lend(Wish{Pin: 2}).number, 3)
	if p := s.state.lend(Wish{Pin: 2}); p != nil {
		t.Fatalf("process %d of generation %d serves who has seen 2", p.number, p.generation.number)
	}
	pinned := &waiter{wish: Wish{Pin: 2}}
	if err := s.state.acquire(s.now, pinned); err != nil {
		t.Fatal(err)
	}
	got(t, "who serves another, who comes later", s.asks().proc.number, 2)
	s.rollsBack()
	if pinned.proc == nil && s.state.lend(Wish{Pin: 2}) == nil {
		s.done(&waiter{proc: s.procs[2]})
	}
	got(t, "who serves him once his generation was taken back", pinned.proc.number, 2)
}

// Its code is no longer on disk, so the last process of it is all that a rollback can bring back.
func TestWornProcessOfTheOldCodeStaysBeforeOneThatIsTakenBack(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses, a.MaxRequests = 1, 2, 2 })
	s.boots(1)
	s.restartsBy(Rolling, "/r1", func(req *RestartRequest) { req.Canary = conf.Amount{Count: 1} })
	s.boots(2)
	s.procs[1].lent += 2
	app := s.state.app
	app.MaxProcesses = 1
	s.state.configure(s.now, app, 0)
	s.rollsBack()
	s.are("1 ready, 2 stopping g2")
}
