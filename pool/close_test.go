package pool

import (
	"testing"
	"time"
)

func TestCloseAnswersDrainsStopsAndKills(t *testing.T) {
	s := tell(t)
	lent := s.asked(3)
	s.boots(1, 2)
	s.did = nil
	s.state.close(s.now)
	got(t, "what the queued request got", lent[2].err, ErrClosed)
	got(t, "what a further one gets", s.asks().err, ErrClosed)
	s.are("1 draining, 2 draining, 3 stopping")
	s.done(lent[0])
	s.has("abort 3", "stop 1")
	s.isIn(Closing)
	s.exits(3, 1)
	s.are("2 draining")
	s.passes(time.Minute)
	s.has("stop 2")
	s.passes(30 * time.Second)
	s.has("kill 2")
	s.exits(2)
	s.state.close(s.now)
	s.has()
}

func TestCloseThatRunsOutOfTimeKills(t *testing.T) {
	s := tell(t)
	s.asks()
	s.boots(1)
	s.state.close(s.now)
	s.did = nil
	got(t, "how many are left", s.state.killAll(s.now), 2)
	s.has("kill 1")
	s.boots(2) // the spawn that was given up had got ready
	s.has("stop 2", "kill 2")
}

func TestCloseEndsTheRestart(t *testing.T) {
	s, r := deployed(t)
	s.state.close(s.now)
	got(t, "the restart", r.state, RestartFailed)
	got(t, "its reason", r.failure.Reason, "purser is stopping")
	late := s.restarts("/r3")
	got(t, "a restart after that", late.state, RestartFailed)
	got(t, "the wanted generation", s.state.wanted.number, 2)
}
