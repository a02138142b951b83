package pool

import (
	"testing"
	"time"

	"purser/conf"
)

func (s *story) pauses() {
	s.t.Helper()
	if err := s.state.setPaused(s.now, true); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) resumes() {
	s.t.Helper()
	if err := s.state.setPaused(s.now, false); err != nil {
		s.t.Fatal(err)
	}
}

func TestAPauseHoldsRequestsUntilTheAppIsResumed(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	before := s.asks()
	s.pauses()
	first, second, third := s.asks(), s.asks(), s.asks()
	s.done(before)
	for _, w := range []*waiter{first, second, third} {
		got(t, "what is lent in a pause", w.proc, nil)
	}
	s.are("1 ready, 2 ready") // more of them would not help those who wait
	s.resumes()
	got(t, "whether the first is served", first.proc != nil, true)
	got(t, "whether the second is served", second.proc != nil, true)
	got(t, "whether the third waits, where each process takes one", third.proc, nil)
	s.are("1 ready, 2 ready, 3 spawning")
}

func TestAPauseStartsNothingForWhoWaits(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 0 })
	s.pauses()
	s.asked(3)
	s.are("")
	s.resumes()
	s.are("1 spawning, 2 spawning, 3 spawning")
}

func TestAPauseIsBoundedAsTheQueueIs(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MaxQueue, app.QueueTimeout = 1, 10*time.Second })
	s.boots(1, 2)
	s.pauses()
	waits := s.asks()
	got(t, "what one too many is told", s.asks().err, ErrPaused)
	s.passes(10 * time.Second)
	got(t, "what one is told that waited too long", waits.err, ErrPaused)
}

func TestRestartsGoOnInAPause(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.pauses()
	waits := s.asks()
	r := s.restarts("/r2")
	s.boots(3)
	s.exits(1)
	s.boots(4)
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
	got(t, "who waits", waits.proc, nil)
	s.resumes()
	got(t, "the generation that answers", waits.proc.generation.number, 2)
}

func TestANewConcurrencyDoesNotEndAPause(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.pauses()
	app := s.state.app
	app.Concurrency = conf.Unlimited
	s.state.configure(s.now, app, 0)
	waits := s.asks()
	got(t, "what is lent", waits.proc, nil)
	s.resumes()
	got(t, "whether it is served", waits.proc != nil, true)
}

func TestWhoWaitsInAPauseIsTurnedAwayWhenTheAppStops(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	serves := s.asks()
	s.state.turnAway(s.now) // which is nothing without a pause
	s.pauses()
	waits := s.asks()
	s.state.turnAway(s.now)
	got(t, "what it is told", waits.err, ErrClosed)
	got(t, "what the next is told", s.asks().err, ErrClosed)
	s.done(serves)
}

func TestAClosedAppCannotBePaused(t *testing.T) {
	s := tell(t)
	s.state.endAlone(s.now)
	got(t, "the error", s.state.setPaused(s.now, true), ErrStopped)
}

func TestAPauseIsKeptByTheNextFront(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.pauses()
	note, err := ReadNote(noteOf(&s.state, s.now, 0).Text())
	if err != nil {
		t.Fatal(err)
	}
	next := newStory(t)
	note.restore(&next.state, next.now, func(p *Process, _ bool) Child {
		next.procs[p.number] = p
		return simChild{100 + p.number}
	})
	waits := next.asks()
	got(t, "what is lent", waits.proc, nil)
	next.resumes()
	got(t, "whether it is served", waits.proc != nil, true)
}
