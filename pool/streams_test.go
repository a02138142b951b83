package pool

import (
	"testing"
	"time"

	"purser/conf"
)

// streams has the only process of an app, which takes one request at a time, answer with an event stream.
func streams(t *testing.T) *story {
	s := tell(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 1, 1 })
	s.boots(1)
	w := s.asks()
	if s.state.stream(w.proc) {
		t.Error("a stream calls for more, though its process is ready")
	}
	s.did = nil
	return s
}

func TestStreamGoesOnFillingItsPlace(t *testing.T) {
	s := streams(t)
	if w := s.asks(); w.proc != nil {
		t.Fatal("another request is sent to wait behind it")
	}
	p := s.procs[1]
	got(t, "requests", p.requests, 0)
	got(t, "connections", p.connections, 1)
	if !s.state.endStream(p) {
		t.Fatal("its end is no news to who waits")
	}
	s.state.released(s.now, p)
	got(t, "requests", p.requests, 1)
	got(t, "processed", p.processed(), uint64(1))
}

// R14: no kind of connection holds a restart, a blocking one included.
func TestStreamHoldsNoRestart(t *testing.T) {
	for _, strategy := range []string{Rolling, BlueGreen} {
		t.Run(strategy, func(t *testing.T) {
			s := streams(t)
			s.restartsBy(strategy, "/r2")
			s.boots(2)
			s.are("1 draining, 2 ready g2")
			got(t, "the restart", s.state.lastRestart().state, RestartDone)
			s.passes(time.Minute) // drain_timeout is for requests
			s.are("1 draining, 2 ready g2")
			s.passes(5 * time.Minute)
			s.are("1 stopping, 2 ready g2")
		})
	}
	t.Run(Blocking, func(t *testing.T) {
		s := streams(t)
		s.restartsBy(Blocking, "/r2")
		s.are("1 stopping") // and its streams are ended with it
		s.exits(1)
		s.boots(2)
		got(t, "the restart", s.state.lastRestart().state, RestartDone)
	})
}
