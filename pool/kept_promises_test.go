package pool

import (
	"slices"
	"testing"
	"time"

	"purser/conf"
)

// What a change to the code has shown that no other test would notice.

func TestProcessThatMadeWayForTheOldCodeServesAgainWhenTheNewStartsAfterAll(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	w := s.asks()
	got(t, "who serves", w.proc.number, 3)
	s.exits(1)
	for range maxFailures {
		s.exits(s.state.spawned)
		s.passes(10 * time.Second)
	}
	s.boots(7)
	s.isIn(Resisting)
	s.are("2 ready, 3 draining g2, 7 ready, 8 spawning g2")
	s.boots(8)
	s.are("2 stopping, 3 ready g2, 7 stopping, 8 ready g2")
}

func TestRestartLiftsThePauseOfTheOldCode(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.exits(1)
	s.boots(3)
	s.exits(3)
	s.are("2 ready")
	s.restarts("/r2")
	s.are("2 ready, 4 spawning, 5 spawning g2")
}

func TestBootsGivenUpForJoinedRestartsCountToo(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	for range 25 {
		s.restarts("/r2", time.Second)
		for _, p := range slices.Clone(s.state.procs) {
			if p.state == Stopping {
				s.exits(p.number)
			}
		}
		s.passes(400 * time.Millisecond)
	}
	s.passes(time.Second)
	s.restarts("/r3")
	got(t, "whether it follows the boot under way", s.state.next != nil, true)
}

func TestRestartDoesWithOneFewerWhenAnotherAppTookARoom(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses = 1 })
	s.boots(1)
	s.asked(3)
	s.boots(2, 3)
	s.passes(turnTime)
	r := s.restarts("/r2")
	got(t, "how many there were", r.had, 3)
	got(t, "whether one is given up", s.state.makeWay(s.now, subsistence), true)
	got(t, "how many there are to be", r.had, 2)
}

// What is let go ahead of its replacement is kept for a rollback, and does not come back while the new code is the
// target: each would be made up for by one more, without end.
func TestOldCodeThatIsBeingMadeUpForIsNotLetGoAhead(t *testing.T) {
	s := tell(t, func(a *conf.App) {
		a.Restart.Surge, a.Restart.Unavailable = conf.Amount{}, conf.Amount{Count: 1}
		a.Restart.RollbackWindow = time.Minute
	})
	s.boots(1, 2)
	s.restarts("/r2")
	s.boots(3)
	s.exits(4)
	s.state.procs[len(s.state.procs)-1].lent++ // it has worked, so its crash is none of a row
	s.exits(3)
	s.asked(6)
	for range 5 {
		for _, p := range slices.Clone(s.state.procs) {
			if p.state == Spawning && p.generation.number == 1 {
				s.boots(p.number)
			}
		}
		s.passes(time.Second)
	}
	s.are("1 standby, 2 standby, 5 spawning g2, 6 draining, 7 ready, 8 ready")
}
