package pool

import (
	"testing"
	"time"

	"purser/conf"
)

func TestCrashOfAUsedProcessIsRepairedAtOnce(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	for range 50 { // however often, however young
		s.uses()
		s.did = nil
		victim := s.state.procs[0].number
		s.exits(victim)
		got(t, "how many moves it takes", len(s.did), 1)
		s.boots(s.state.spawned)
	}
}

func TestCrashOfAnOldProcessIsRepairedAtOnce(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.passes(11 * time.Second)
	s.did = nil
	s.exits(1)
	s.exits(2)
	s.has("spawn 3 of /r1", "spawn 4 of /r1")
}

func TestProcessThatKeepsDyingYoungIsGivenPauses(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.boots(1)
	s.exits(1)
	s.are("2 spawning") // the first time at once
	for i, low := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		s.boots(2 + i)
		s.exits(2 + i)
		s.passes(low - time.Millisecond)
		s.are("")
		s.passes(low/5 + 2*time.Millisecond)
		got(t, "how many were spawned", s.state.spawned, 3+i)
	}
}

func TestProcessDyingYoungBesideOnesThatWorkIsRepairedSoon(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.procs[1].lent++
	s.exits(2)
	s.are("1 ready, 3 spawning")
	s.boots(3)
	s.exits(3)
	s.are("1 ready")
	s.passes(130 * time.Millisecond)
	s.are("1 ready, 4 spawning")
}

func TestCrashShowsWhatTheChildPrinted(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses = 1 })
	s.state.booted(s.now, s.procs[1], chattyChild{})
	s.state.exited(s.now, s.procs[1], nil)
	failure := snapshotOf(&s.state, s.now).Failure
	if failure == nil || failure.Reason != "exited with status 0" || len(failure.Output) != 1 {
		t.Fatalf("the failure is %+v", failure)
	}
}

// chattyChild is a child that knows what it printed.
type chattyChild struct{ simChild }

func (chattyChild) LastLines() []string { return []string{"boom"} }

func TestCrashAboveMinIsNotRepaired(t *testing.T) {
	s := tell(t)
	waiting := s.asked(3)
	s.boots(1, 2, 3)
	s.did = nil
	for _, w := range waiting {
		s.done(w)
	}
	s.exits(3)
	s.has()
}

func TestRequestOfACrashedProcessIsGivenBackAnyTime(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.exits(w.proc.number)
	s.done(w)
	s.are("2 ready, 3 spawning")
}
