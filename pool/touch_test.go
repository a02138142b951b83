package pool

import (
	"fmt"
	"testing"
	"time"
)

const window = 250 * time.Millisecond

func TestTouchSpawnsAtOnceAndServesWhenQuiet(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.did = nil
	s.restarts("/r2", window)
	s.has("spawn 3 of /r2")
	s.boots(3)
	s.passes(window - time.Millisecond)
	s.are("1 ready, 2 ready, 3 spawning g2")
	s.passes(time.Millisecond)
	s.are("1 stopping, 2 ready, 3 ready g2, 4 spawning g2")
}

func TestFurtherTouchJoins(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/r2", window)
	s.boots(3)
	s.passes(200 * time.Millisecond)
	s.did = nil
	second := s.restarts("/r3", window)
	got(t, "the restart", second, first)
	got(t, "its generation", second.generation.number, 2)
	got(t, "its state", second.state, RestartRunning)
	s.has("stop 3", "spawn 4 of /r3") // what was begun before is begun again
	s.boots(4)
	s.passes(200 * time.Millisecond)
	s.are("1 ready, 2 ready, 3 stopping g2, 4 spawning g2") // the window begins anew
	s.passes(50 * time.Millisecond)
	s.exits(3)
	s.are("1 stopping, 2 ready, 4 ready g2, 5 spawning g2")
	got(t, "the released code", s.procs[4].generation.release.Path, "/r3")
}

func TestTouchAfterTheWindowIsANewRestart(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/r2", window)
	s.passes(window)
	second := s.restarts("/r3", window)
	got(t, "the first", first.state, RestartSuperseded)
	got(t, "the second generation", second.generation.number, 3)
}

func TestOrderNeverJoinsATouch(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/r2", window)
	s.restarts("/r3")
	got(t, "the first", first.state, RestartSuperseded)
	s.exits(3)
	s.boots(4)
	s.are("1 stopping, 2 ready, 4 ready g3, 5 spawning g3") // and waits for nothing
}

func TestTouchesHoldARestartBackForTenSecondsAtMost(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	r := s.restarts("/r0", window)
	for i := range 49 {
		s.passes(200 * time.Millisecond)
		got(t, fmt.Sprintf("the restart that touch %d joins", i), s.restarts(fmt.Sprint("/r", i), window), r)
		if i < burst {
			s.exits(3 + i) // what was begun for the touch before is gone
		}
	}
	got(t, "how many were spawned", s.state.spawned, 2+burst)
	s.passes(199 * time.Millisecond)
	got(t, "how many were spawned", s.state.spawned, 2+burst)
	s.did = nil
	s.passes(time.Millisecond)
	got(t, "how many were spawned", s.state.spawned, 3+burst)
	s.has("spawn 6 of /r48")
	s.boots(s.state.spawned)
	got(t, "how many of it are ready", s.state.ready(s.state.wanted), 1)
}

func TestReleaseThatFailsInItsWindowDoesNotHoldTheNextBack(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.restarts("/half-copied", window)
	s.exits(3)
	got(t, "the first", first.state, RestartFailed)
	second := s.restarts("/r2", window)
	s.boots(4)
	s.passes(window)
	s.exits(1)
	s.boots(5)
	s.exits(2)
	got(t, "the second", second.state, RestartDone)
}
