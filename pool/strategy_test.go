package pool

import (
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// four has min and max 4.
func four(app *conf.App) { app.MinProcesses, app.MaxProcesses = 4, 4 }

func tight(app *conf.App) {
	four(app)
	app.Restart.Surge, app.Restart.Unavailable = conf.Amount{}, conf.Amount{Count: 1}
}

func (s *story) restartsBy(strategy, path string, change ...func(*RestartRequest)) *restart {
	req := RestartRequest{Release: Release{Path: path}, Strategy: strategy}
	for _, f := range change {
		f(&req)
	}
	return s.state.restart(s.now, "r-"+path, req)
}

func TestSurgeOfZeroStopsOneBeforeItsReplacementStarts(t *testing.T) {
	s := tell(t, tight)
	s.boots(1, 2, 3, 4)
	r := s.restarts("/r2")
	s.are("1 stopping, 2 ready, 3 ready, 4 ready") // there is no room for a fifth
	for n := 1; n <= 4; n++ {
		s.exits(n)
		got(t, "how many live", len(s.state.procs), 4)
		s.boots(4 + n)
	}
	got(t, "the restart", r.state, RestartDone)
	s.are("5 ready g2, 6 ready g2, 7 ready g2, 8 ready g2")
}

func TestSurgeOfZeroRisksOneProcessOnCodeThatDoesNotStart(t *testing.T) {
	s := tell(t, tight, func(app *conf.App) { app.Restart.Unavailable.Count = 3 })
	s.boots(1, 2, 3, 4)
	r := s.restarts("/r2")
	s.exits(1)
	s.are("2 ready, 3 ready, 4 ready, 5 spawning g2") // three may be missing, but nothing is proven yet
	s.exits(5)
	s.are("2 ready, 3 ready, 4 ready, 6 spawning")
	s.isIn(Resisting)
	got(t, "the restart", r.state, RestartRunning)
	s.boots(6) // only now everything is as it was
	got(t, "the restart", r.state, RestartFailed)
}

func TestUnavailableSpeedsUpOnceTheNewCodeWorks(t *testing.T) {
	s := tell(t, four, func(app *conf.App) { app.Restart.Unavailable = conf.Amount{Percent: 50} })
	s.boots(1, 2, 3, 4)
	s.restarts("/r2")
	s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 spawning g2")
	s.boots(5)
	s.are("1 stopping, 2 stopping, 3 stopping, 4 ready, 5 ready g2")
	s.exits(1, 2)
	s.are("3 stopping, 4 ready, 5 ready g2, 6 spawning g2, 7 spawning g2") // never more than max and the surge
}

func TestBlockingRestartStartsNothingBeforeTheOldIsGone(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	running := s.asks()
	r := s.restartsBy(Blocking, "/r2")
	s.are("1 draining, 2 stopping")
	waiting := s.asks()
	s.exits(2)
	s.are("1 draining")
	s.done(running)
	s.are("1 stopping")
	s.exits(1)
	s.are("3 spawning g2, 4 spawning g2")
	s.boots(3)
	got(t, "who serves the request that waited", waiting.proc.number, 3)
	s.boots(4)
	got(t, "the restart", r.state, RestartDone)
}

func TestBlockingRestartCutsLongLivedConnections(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	s.state.hold(s.asks().proc)
	s.restartsBy(Blocking, "/r2")
	s.are("1 stopping")
}

func TestRestartThatSupersedesABlockingOneBlocksToo(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restartsBy(Blocking, "/r2")
	r := s.restartsBy(Rolling, "/r3")
	got(t, "the strategy", r.strategy, Blocking)
	s.exits(1, 2)
	s.are("3 spawning g3, 4 spawning g3") // and no old one, which the new schema would kill
	if !strings.Contains(steps(r), "blocking") {
		t.Fatalf("no step says so: %s", steps(r))
	}
}

func TestBlockingRestartOfBadCodeGoesBack(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	r := s.restartsBy(Blocking, "/r2")
	s.exits(1, 2)
	s.exits(3)
	s.are("4 stopping g2, 5 spawning, 6 spawning")
	s.boots(5, 6)
	got(t, "the restart", r.state, RestartFailed)
	s.isIn(Resisting)
	s.passes(time.Hour)
	s.exits(4)
	s.are("5 ready, 6 ready") // it is not tried again beside the old
}

func TestBlueGreenSwitchesInOneStep(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	running := s.asks()
	r := s.restartsBy(BlueGreen, "/r2")
	s.boots(3)
	s.are("1 ready, 2 ready, 3 spawning g2, 4 spawning g2") // 3 waits for 4
	s.boots(4)
	s.are("1 draining, 2 stopping, 3 spawning g2, 4 spawning g2")
	waiting := s.asks()
	if waiting.proc != nil {
		t.Fatal("a new process is lent before the old one has answered")
	}
	s.done(running)
	s.are("1 stopping, 2 stopping, 3 ready g2, 4 ready g2")
	if waiting.proc == nil {
		t.Fatal("the request still waits")
	}
	s.exits(1, 2)
	got(t, "the restart", r.state, RestartDone)
}

func TestBlueGreenSwitchWaitsOnlySoLongForOldAnswers(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.asks()
	s.restartsBy(BlueGreen, "/r2")
	s.boots(3, 4)
	waiting := s.asks()
	s.passes(999 * time.Millisecond)
	got(t, "who serves the request", waiting.proc, nil)
	s.passes(time.Millisecond)
	if waiting.proc == nil {
		t.Fatal("the request waits for longer than switch_timeout")
	}
}

func TestBlueGreenOfBadCodeTouchesNothing(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	r := s.restartsBy(BlueGreen, "/r2")
	s.exits(3)
	got(t, "the restart", r.state, RestartFailed)
	s.are("1 ready, 2 ready, 4 stopping g2")
}

func TestRestartTakesNoMoreMemoryThanThereIs(t *testing.T) {
	for _, test := range []struct {
		name               string
		strategy           string
		memory             Memory
		surge, unavailable int
		refused            bool
	}{
		{"enough", Rolling, Memory{Free: 400, PerProcess: 100}, 4, 0, false},
		{"for some", Rolling, Memory{Free: 250, PerProcess: 100}, 2, 0, false},
		{"for none", Rolling, Memory{Free: 99, PerProcess: 100}, 0, 1, false},
		{"not known", Rolling, Memory{}, 4, 0, false},
		{"blue-green", BlueGreen, Memory{Free: 399, PerProcess: 100}, 4, 0, true},
		{"blocking needs none", Blocking, Memory{Free: 1, PerProcess: 100}, 4, 4, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tell(t, four, func(app *conf.App) { app.Restart.Surge.Count = 4 })
			s.boots(1, 2, 3, 4)
			r := s.restartsBy(test.strategy, "/r2", func(req *RestartRequest) { req.Memory = test.memory })
			got(t, "surge", r.surge, test.surge)
			got(t, "unavailable", r.unavailable, test.unavailable)
			got(t, "whether it is refused", r.state == RestartFailed, test.refused)
			if test.refused {
				s.are("1 ready, 2 ready, 3 ready, 4 ready")
				got(t, "the wanted generation", s.state.wanted.number, 1)
			}
			told := strings.Contains(steps(r), "memory")
			got(t, "whether it says so", told || test.refused, test.surge != 4 || test.refused)
		})
	}
}

func TestRefusedRestartDoesNotEndTheOneThatRuns(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/r2")
	refused := s.restartsBy(BlueGreen, "/r3", func(req *RestartRequest) { req.Memory = Memory{Free: 1, PerProcess: 2} })
	got(t, "the refused one", refused.state, RestartFailed)
	got(t, "the running one", s.state.running(), first)
	s.boots(3)
	s.exits(1)
	s.boots(4)
	s.exits(2)
	got(t, "the first", first.state, RestartDone)
}

func TestStuckProcessDoesNotHoldTheRestart(t *testing.T) {
	s := tell(t, four)
	s.boots(1, 2, 3, 4)
	s.asked(4) // requests that last for an hour, one on each
	r := s.restarts("/r2")
	for n := 5; n <= 8; n++ {
		s.boots(n)
		s.passes(slowAfter)
	}
	s.are("1 draining, 2 draining, 3 draining, 4 draining, 5 ready g2, 6 ready g2, 7 ready g2, 8 ready g2")
	s.passes(time.Minute)
	s.exits(1, 2, 3, 4)
	got(t, "the restart", r.state, RestartDone)
}

func TestProcessIsAskedWhereItHangsBeforeItIsKilled(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.traces = true
	s.boots(1)
	s.restarts("/r2")
	s.boots(2)
	s.did = nil
	s.passes(29 * time.Second)
	s.has()
	s.passes(time.Second)
	s.has("trace 1")
	s.passes(traceTime)
	s.has("kill 1")
}

func TestWhatKillDoesNotEndIsNotWaitedFor(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	r := s.restarts("/r2")
	s.boots(2)
	s.passes(30 * time.Second)
	got(t, "the restart", r.state, RestartRunning)
	s.passes(lostAfter)
	got(t, "the restart", r.state, RestartDone)
	s.exits(1)
}

func TestNoMoreOldGenerationsLiveForTheirConnectionsThanMay(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	for n := 1; n <= 2; n++ {
		s.state.hold(s.asks().proc)
		s.restarts("/r" + string(rune('1'+n)))
		s.boots(n + 1)
	}
	s.are("1 draining, 2 draining g2, 3 ready g3")
	s.state.hold(s.asks().proc)
	s.restarts("/r4")
	s.are("1 stopping, 2 draining g2, 3 ready g3, 4 spawning g4")
}

// Old code cannot be whole again as the cap leaves no room, so the restart has not failed yet when a process of the
// new code boots after all. It takes its place, and would wait for the others for ever.
func TestBlueGreenGoesOnWhenItsCodeStartsAfterAll(t *testing.T) {
	s := newStory(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 2, 3 })
	s.slots.limit = 2
	s.state.settle(s.now)
	s.boots(1, 2)
	w := s.asks()
	s.state.recycle(s.now, w.proc, "it hangs")
	r := s.restartsBy(BlueGreen, "/r2")
	s.exits(3)
	s.exits(4)
	s.passes(2 * time.Second)
	s.boots(5)
	s.state.exited(s.now, w.proc, nil)
	s.isIn(Restarting)
	s.boots(6)
	s.passes(time.Second)
	got(t, "its failure", r.failure == nil, true)
	s.are("2 stopping, 5 ready g2, 6 ready g2")
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
}
