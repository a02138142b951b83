package pool

import (
	"fmt"
	"testing"
	"time"

	"purser/conf"
)

// slowly is an app of three processes, which may take five minutes for an answer.
func slowly(a *conf.App) {
	a.MinProcesses, a.MaxProcesses, a.HangAfter = 3, 3, 5*time.Minute
	a.DrainTimeout, a.QueueTimeout = time.Hour, 0
}

// A hang is told: story of processes 1 to 3, each with a request of which nothing comes for hang_after.
func hanging(t *testing.T, change ...func(*conf.App)) (s *story, stuck []*waiter) {
	s = tell(t, append([]func(*conf.App){slowly}, change...)...)
	s.boots(1, 2, 3)
	stuck = s.asked(3)
	s.passes(5 * time.Minute)
	for _, w := range stuck {
		s.isStuck(w)
	}
	s.did = nil
	return s, stuck
}

// isStuck has hang_after pass for a request.
func (s *story) isStuck(w *waiter) (since time.Time) {
	since = s.now.Add(-s.state.app.HangAfter)
	s.state.stuck(s.now, w.proc, since)
	return since
}

func TestAllProcessesThatAnswerNothingAreHung(t *testing.T) {
	s, _ := hanging(t)
	s.isIn(Hung)
	s.passes(time.Hour)
	s.isIn(Hung)
	s.are("1 ready, 2 ready, 3 ready") // nobody else waits: they are left in peace
	s.has()
	got(t, "how often it was said", s.noted("app hangs: no process answers"), 1)
	told := 0
	for _, e := range s.events {
		if e.Kind == "app" && e.What == "hung" {
			told++
		}
	}
	got(t, "how often an event told of it", told, 1)

	h := snapshotOf(&s.state, s.now).Hung
	got(t, "requests", h.Requests, 3)
	got(t, "the second pid", h.Processes[1].PID, 102)
	got(t, "since", h.Since, s.now.Add(-65*time.Minute))
}

func TestHungProcessesAreReplacedOneByOneWhileVisitorsWait(t *testing.T) {
	s, _ := hanging(t)
	s.asked(5)
	s.passes(hindered - time.Second)
	s.has()
	s.passes(time.Second + slowTick)
	s.has("spawn 4 of /r1")
	s.are("1 draining, 2 ready, 3 ready, 4 spawning")
	s.passes(time.Minute)
	s.has() // the next waits for it
	s.boots(4)
	s.are("1 draining, 2 draining, 3 ready, 4 ready, 5 spawning")
	s.isIn(Up)
	s.exits(5) // that failed: the next goes all the same
	s.are("1 draining, 2 draining, 3 draining, 4 ready")
	s.passes(time.Minute) // what it leaves to be done is done by whoever holds min up
	s.boots(6)
	s.isIn(Up)
}

func TestHungProcessesThatNobodyWaitsForAnyMoreAreLeft(t *testing.T) {
	s, _ := hanging(t)
	visitor := s.asks()
	s.passes(hindered + slowTick)
	s.boots(4) // it is served
	s.are("1 draining, 2 ready, 3 ready, 4 ready")
	got(t, "its process", visitor.proc.number, 4)
	s.done(visitor)
	s.passes(time.Hour - time.Minute)
	s.are("1 draining, 2 ready, 3 ready, 4 ready")
	s.isIn(Up)
}

func TestOneProcessThatAnswersIsEnough(t *testing.T) {
	s := tell(t, slowly)
	s.boots(1, 2, 3)
	stuck := s.asked(2)
	s.passes(5 * time.Minute)
	for _, w := range stuck {
		s.isStuck(w)
	}
	for range 20 {
		s.done(s.asks())
		s.passes(time.Minute)
		s.isIn(Up)
	}
	last := s.asks()
	s.passes(5*time.Minute - slowTick)
	s.isIn(Up)
	s.isStuck(last)
	s.passes(2 * slowTick)
	s.isIn(Hung)
	s.done(last)
	s.isIn(Up)
}

func TestAnswersBesideASlowRequestAreNoHang(t *testing.T) {
	s := tell(t, slowly, func(a *conf.App) {
		a.MinProcesses, a.MaxProcesses, a.Concurrency = 1, 1, conf.Unlimited
	})
	s.boots(1)
	slow := s.asks()
	s.passes(5 * time.Minute)
	since := s.isStuck(slow)
	s.isIn(Hung)
	s.done(s.asks())
	s.isIn(Up) // it answers
	s.passes(5*time.Minute - slowTick)
	s.isIn(Up)
	s.passes(2 * slowTick)
	s.isIn(Hung)
	quick := s.asks()
	s.passes(slowTick) // a quick one is under way as somebody looks
	s.done(quick)
	s.state.unstuck(s.now, slow.proc, since)
	s.done(slow)
	s.passes(time.Minute)
	s.are("1 ready")
	s.isIn(Up)
}

// At an app that gives requests up when their clients leave, each leaves a while later, or a check comes and goes.
func TestRequestsThatAreGivenUpAreNoAnswers(t *testing.T) {
	s := tell(t, slowly, func(a *conf.App) {
		a.MinProcesses, a.MaxProcesses, a.Concurrency = 1, 1, conf.Unlimited
	})
	s.boots(1)
	slow := s.asks()
	for range 30 {
		s.passes(8 * time.Second)
		check := s.asks()
		s.passes(2 * time.Second)
		s.state.giveBack(check.proc, Unanswered)
	}
	s.isStuck(slow)
	s.isIn(Hung)
}

func TestWhatHasBegunToBeAnsweredDoesNotWait(t *testing.T) {
	s := tell(t, slowly, func(a *conf.App) { a.MinProcesses, a.MaxProcesses, a.Concurrency = 1, 1, 5 })
	s.boots(1)
	slow, stream, download := s.asks(), s.asks(), s.asks()
	s.state.hold(stream.proc)
	download.proc.Begins()
	s.passes(6 * time.Minute)
	s.isStuck(slow)
	s.isIn(Hung)
	s.passes(time.Hour)
	s.are("1 ready")
	s.done(download)
	download.proc.Ends()
	s.isIn(Up)
	s.passes(6 * time.Minute)
	s.isIn(Hung)
	s.asks()
	s.passes(hindered + slowTick)
	s.are("1 draining, 2 spawning")
}

func TestRequestThatIsAnsweredLateIsNotStuckAnyMore(t *testing.T) {
	s, stuck := hanging(t)
	s.state.unstuck(s.now, stuck[1].proc, s.now.Add(-5*time.Minute))
	s.isIn(Up)
	s.asks()
	s.passes(hindered + slowTick)
	s.are("1 draining, 2 ready, 3 ready, 4 spawning") // it was found hung, and two still hang
}

func TestHungAppThatIsRestartedIsRelievedByThat(t *testing.T) {
	s, _ := hanging(t)
	s.asked(5)
	s.restarts("/r2")
	s.passes(time.Minute)
	s.are("1 ready, 2 ready, 3 ready, 4 spawning g2")
	s.boots(4)
	s.passes(time.Minute)
	s.boots(5)
	s.passes(time.Minute)
	s.boots(6)
	s.are("1 draining, 2 draining, 3 draining, 4 ready g2, 5 ready g2, 6 ready g2")
	s.isIn(Up)
}

// After a deployment in place nothing can be started but the newest code. Once that works it takes over anyway.
func TestHungProcessesThatNothingCanReplaceAreLeft(t *testing.T) {
	s, stuck := hanging(t)
	s.asked(5)
	s.restarts("/r1")
	s.exits(4)
	for probe := 5; probe < 9; probe++ {
		s.passes(time.Minute + slowTick)
		s.are(fmt.Sprintf("1 ready, 2 ready, 3 ready, %d spawning g2", probe))
		s.exits(probe)
		s.isIn(Hung)
	}
	for _, w := range stuck {
		s.done(w) // and now the database answers again
	}
	s.are("1 ready, 2 ready, 3 ready")
	s.isIn(Resisting)
}

func TestHungAppWithoutRoomForAnotherProcessWaitsForIt(t *testing.T) {
	s, _ := hanging(t, func(a *conf.App) {
		a.Restart.Surge = conf.Amount{}
		a.Restart.Unavailable.Count = 1
		a.DrainTimeout = time.Minute
	})
	s.slots.limit = 3
	s.asked(5)
	s.passes(30 * time.Second)
	s.are("1 draining, 2 ready, 3 ready")
	s.passes(time.Minute)
	s.are("1 stopping, 2 ready, 3 ready")
	s.exits(1)
	s.are("2 ready, 3 ready, 4 spawning")
	s.boots(4)
	s.are("2 draining, 3 ready, 4 ready")
}

func TestHungGroupThatClosesIsClosing(t *testing.T) {
	s, _ := hanging(t)
	s.state.close(s.now)
	s.isIn(Closing)
	s.are("1 draining, 2 draining, 3 draining")
}

func TestAppIsNotHungAnyMoreWhenHangAfterIsTurnedOff(t *testing.T) {
	s, _ := hanging(t)
	s.isIn(Hung)
	app := s.state.app
	app.HangAfter = 0
	s.state.configure(s.now, app, 0)
	s.isIn(Up)
	s.asks()
	s.passes(time.Minute)
	s.are("1 ready, 2 ready, 3 ready")
}
