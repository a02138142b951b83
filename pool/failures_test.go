package pool

import (
	"errors"
	"testing"
	"time"

	"purser/conf"
)

// exitsFor has a process exit for a reason.
func (s *story) exitsFor(number int, reason string) {
	s.state.exited(s.now, s.procs[number], errors.New(reason))
}

// Who has seen the one finds the other: in status, in the log, at a visitor's.
func TestSameFailureKeepsItsErrorIDOverRetries(t *testing.T) {
	s, r := deployed(t)
	s.exitsFor(3, "exited with status 7")
	id := r.failure.ErrorID
	for n := 4; n < 7; n++ {
		s.passes(time.Minute)
		s.exitsFor(n, "exited with status 7")
		got(t, "the id of the app's failure", snapshotOf(&s.state, s.now).Failure.ErrorID, id)
	}
	s.passes(time.Minute)
	s.exitsFor(7, "exited with status 8")
	if snapshotOf(&s.state, s.now).Failure.ErrorID == id {
		t.Error("another failure has the same id")
	}
}

// A refused restart changes nothing: as many processes as fit into memory are kept for a rollback.
func TestRefusedRestartLeavesRoomForStandbys(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.Restart.RollbackWindow = time.Hour })
	s.boots(1, 2)
	s.state.restart(s.now, "r-2", RestartRequest{Release: Release{Path: "/r2"}, Memory: Memory{Free: 300, PerProcess: 100}})
	got(t, "what fits beside the surge", s.state.spare, 2)
	s.state.refuse(s.now, "r-3", RestartRequest{Release: Release{Path: "/r3"}}, "before_restart said no", nil)
	s.boots(3)
	s.boots(4)
	s.are("1 standby, 2 standby, 3 ready g2, 4 ready g2")

	s.state.restart(s.now, "r-4", RestartRequest{Release: Release{Path: "/r4"}, Strategy: BlueGreen, Memory: Memory{Free: 1, PerProcess: 100}})
	got(t, "how that without memory ended", s.state.lastRestart().state, RestartFailed)
	got(t, "what fits", s.state.spare, 2)
	s.passes(time.Minute)
	s.are("1 standby, 2 standby, 3 ready g2, 4 ready g2")
}
