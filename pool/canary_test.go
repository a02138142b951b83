package pool

import (
	"testing"
	"time"

	"purser/conf"
)

// canary asks for a restart with a canary.
func (s *story) canary(size conf.Amount) *restart {
	return s.restartsBy(Rolling, "/r2", func(req *RestartRequest) { req.Canary = size })
}

var one = conf.Amount{Count: 1}

func roomFor(surge int) func(*conf.App) {
	return func(app *conf.App) { app.Restart.Surge = conf.Amount{Count: surge} }
}

func TestCanaryRunsBesideAllOldProcessesUntilItIsPromoted(t *testing.T) {
	s := tell(t, four)
	s.boots(1, 2, 3, 4)
	r := s.canary(one)
	s.boots(5)
	s.passes(time.Hour)
	s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 ready g2")
	got(t, "the state", s.state.restartSnapshot(r).State, RestartCanary)
	s.uses()
	s.did = nil
	s.exits(2)
	s.has("spawn 6 of /r1") // a canary does not grow
	s.exits(5)
	s.has("spawn 7 of /r2") // nor does it go away
	s.boots(6, 7)
	s.are("1 ready, 3 ready, 4 ready, 6 ready, 7 ready g2")

	if _, err := s.state.promote(s.now); err != nil {
		t.Fatal(err)
	}
	for n, old := range []int{1, 3, 4} { // one for each of the new
		s.exits(old)
		s.boots(8 + n)
	}
	s.exits(6)
	s.are("7 ready g2, 8 ready g2, 9 ready g2, 10 ready g2")
	got(t, "the restart", r.state, RestartDone)
	_, err := s.state.promote(s.now)
	got(t, "the error of another promotion", err, ErrNoCanary)
}

// On any number of processes the old ones are all there beside it, and after it there are as many as before.
func TestCanaryOnFewProcessesIsTakenBackWhole(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		for n := 1; n <= 3; n++ {
			s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = n, n })
			for i := range n {
				s.boots(i + 1)
			}
			path := "/r2"
			if inPlace {
				path = "/r1"
			}
			r := s.restartsBy(Rolling, path, func(req *RestartRequest) { req.Canary = one })
			s.boots(n + 1)
			got(t, "how many serve", s.state.ready(s.state.good), n)
			s.rollsBack()
			got(t, "the restart", r.state, RestartFailed)
			s.exits(n + 1)
			s.passes(time.Hour)
			got(t, "how many serve once it is taken back", s.state.ready(s.state.good), n)
			got(t, "how many there are", len(s.state.procs), n)
		}
	}
}

func TestCanaryThatCannotBeIsRefusedInOneSentence(t *testing.T) {
	for _, c := range []struct {
		size, surge, processes int
		want                   string
	}{
		{9, 9, 2, "a canary of 9 is more than there are old processes (2); ask for 2 at most"},
		{2, 1, 4, "a canary of 2 needs as much room beside the old processes, but restart.surge is 1; ask for 1 at most, or raise surge"},
		{1, 0, 4, "a canary needs room beside the old processes, but restart.surge is 0; set it to the size of the canary"},
		{1, 1, 0, "a canary runs beside old processes, but the app has none; restart without a canary"},
	} {
		s := tell(t, roomFor(c.surge), func(app *conf.App) { app.MinProcesses, app.MaxProcesses = c.processes, max(1, c.processes) })
		for i := range c.processes {
			s.boots(i + 1)
		}
		s.did = nil
		r := s.canary(conf.Amount{Count: c.size})
		got(t, "the restart", r.state, RestartFailed)
		got(t, "why", r.failure.Reason, c.want)
		s.has()
	}
}

// What supersedes a blocking restart is one as well. A canary that became one would replace every process.
func TestCanaryDoesNotSupersedeABlockingRestart(t *testing.T) {
	s := tell(t, four, roomFor(4))
	s.boots(1, 2, 3, 4)
	blocking := s.restartsBy(Blocking, "/r2")
	r := s.canary(one)
	got(t, "the canary", r.state, RestartFailed)
	got(t, "why", r.failure.Reason, "a canary runs beside old processes, but a blocking restart runs, which lets none serve beside new ones; ask again when that has ended")
	got(t, "the restart that runs", blocking.state, RestartRunning)
	s.exits(1, 2, 3, 4)
	s.boots(5, 6, 7, 8)
	got(t, "the restart at its end", blocking.state, RestartDone)
	got(t, "the canary afterwards", s.canary(one).state, RestartRunning)
}

func TestCanaryIsAsLargeAsMemoryAllows(t *testing.T) {
	s := tell(t, four, roomFor(3))
	s.boots(1, 2, 3, 4)
	s.restartsBy(Rolling, "/r2", func(req *RestartRequest) {
		req.Canary, req.Memory = conf.Amount{Count: 3}, Memory{Free: 2, PerProcess: 1}
	})
	s.boots(5, 6)
	s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 ready g2, 6 ready g2")
	got(t, "the state", s.state.restartSnapshot(s.state.running()).State, RestartCanary)
}

func TestCanaryGetsItsShareAndNoMore(t *testing.T) {
	for _, concurrency := range []int{2, conf.Unlimited} {
		s := tell(t, four, func(app *conf.App) { app.Concurrency = concurrency })
		s.boots(1, 2, 3, 4)
		s.canary(one)
		s.boots(5)
		for range 100 {
			s.done(s.asks())
		}
		got(t, "how many of 100 requests the canary got", s.procs[5].lent, 20)
		if _, err := s.state.promote(s.now); err != nil {
			t.Fatal(err)
		}
		s.done(s.asks())
		got(t, "whether the newest is first again", s.procs[5].lent, 21)
	}
}
