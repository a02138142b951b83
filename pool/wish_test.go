package pool

import (
	"testing"

	"purser/conf"
)

// fails has a process end its request without an answer, as proxy tells it. That it dies is not known
// yet.
func (s *story) fails(w *waiter) {
	if s.state.giveBack(w.proc, Erred) {
		s.state.released(s.now, w.proc)
	}
	s.state.doubt(s.now, w.proc)
}

// halfway has two processes of the old code and two of the new one serve.
func halfway(t *testing.T, change ...func(*conf.App)) *story {
	s := tell(t, append([]func(*conf.App){four}, change...)...)
	s.boots(1, 2, 3, 4)
	s.restarts("/r2")
	s.boots(5)
	s.exits(1)
	s.boots(6)
	s.exits(2)
	s.are("3 ready, 4 ready, 5 ready g2, 6 ready g2, 7 spawning g2")
	return s
}

func TestRequestThatTheNewCodeFailedGoesToTheOld(t *testing.T) {
	for _, test := range []struct {
		name        string
		concurrency int
		busy        int // requests that the old ones have already
	}{
		{"limited", 8, 0},
		{"limited, the old are busier", 8, 4},
		{"unlimited", conf.Unlimited, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := halfway(t, func(app *conf.App) { app.Concurrency = test.concurrency })
			for _, old := range []int{3, 4} {
				s.procs[old].requests = test.busy
				s.state.lendable.moved(s.procs[old])
			}
			first := s.asksFor(Wish{})
			got(t, "who is asked first", first.proc.generation.number, 2)
			s.fails(first)
			again := s.asksFor(Wish{Avoid: first.proc})
			got(t, "who is asked again", again.proc.generation.number, 1)
			s.exits(first.proc.number)
			s.done(again)
		})
	}
}

func TestRequestThatTheOldCodeFailedGoesToTheNew(t *testing.T) {
	s := halfway(t, func(app *conf.App) { app.Concurrency = 8 })
	got(t, "who is asked again", s.asksFor(Wish{Avoid: s.procs[3]}).proc.number, 5)
}

func TestAvoidedGenerationIsLentIfThereIsNoOther(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	first := s.asks()
	got(t, "who is asked first", first.proc.number, 1)
	s.done(first)
	again := s.asksFor(Wish{Avoid: first.proc})
	got(t, "who is asked again", again.proc.number, 2)
	got(t, "who is asked if only the one that failed has room", s.asksFor(Wish{Avoid: first.proc}).proc.number, 1)
}

func TestProcessInDoubtIsNotPreferredForItsGeneration(t *testing.T) {
	s := halfway(t)
	s.state.doubt(s.now, s.procs[3])
	s.state.doubt(s.now, s.procs[4])
	for _, want := range []int{6, 3, 4, 5} {
		got(t, "who is asked", s.asksFor(Wish{Avoid: s.procs[5]}).proc.number, want)
	}
}

func TestPinBindsWhoAvoidsAProcess(t *testing.T) {
	s := halfway(t)
	wish := Wish{Pin: 2, Avoid: s.procs[5]}
	got(t, "who is asked", s.asksFor(wish).proc.number, 6)
	got(t, "who is asked then", s.asksFor(wish).proc.number, 5)
	waiting := s.asksFor(wish)
	got(t, "who is asked, with room in old ones only", waiting.proc, nil)
	s.boots(7)
	got(t, "who serves", waiting.proc.number, 7)
}

func TestProcessThatIsGoneIsAvoidedToo(t *testing.T) {
	s := halfway(t)
	s.uses()
	s.exits(5)
	got(t, "who is asked", s.asksFor(Wish{Avoid: s.procs[5]}).proc.number, 3)
}

func TestAvoidingKeepsNobodyWaiting(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	s.boots(1)
	first := s.asks()
	again, later := s.asksFor(Wish{Avoid: first.proc}), s.asks()
	got(t, "who serves while none has room", again.proc, nil)
	s.done(first)
	got(t, "who serves the first in the queue", again.proc, s.procs[1])
	s.done(again)
	got(t, "who serves the next", later.proc, s.procs[1])
}

func TestWaitingRequestChoosesAmongWhatGetsRoom(t *testing.T) {
	s := halfway(t)
	all := s.asked(4)
	again := s.asksFor(Wish{Avoid: s.procs[5]})
	for _, w := range all { // all get room before anybody looks
		s.state.giveBack(w.proc, Worked)
	}
	s.state.settle(s.now)
	got(t, "who serves", again.proc.number, 3)
}

func TestCanaryKeepsItsShareIfRequestsThatItFailedGoElsewhere(t *testing.T) {
	s := tell(t, four, func(app *conf.App) { app.Concurrency = conf.Unlimited })
	s.boots(1, 2, 3, 4)
	s.restartsBy(Rolling, "/r2", func(req *RestartRequest) { req.Canary = conf.Amount{Count: 1} })
	s.boots(5)
	s.are("1 ready, 2 ready, 3 ready, 4 ready, 5 ready g2")
	for s.procs[5].lent < 10 {
		w := s.asks()
		if w.proc == s.procs[5] {
			again := s.asksFor(Wish{Avoid: w.proc})
			got(t, "the generation that is asked again", again.proc.generation.number, 1)
			s.done(again)
		}
		s.done(w)
	}
	for n := 1; n <= 4; n++ {
		if lent := s.procs[n].lent; lent < 9 || lent > 11 {
			t.Errorf("process %d was lent %d times, the canary %d times", n, lent, s.procs[5].lent)
		}
	}
}

// Its purser has counted further, and what that knew was lost.
func TestPinThatWasNeverCountedIsIgnored(t *testing.T) {
	s := tell(t)
	s.boots(1)
	if w := s.asksFor(Wish{Pin: 7}); w.proc == nil {
		t.Error("a visitor with a pin of another purser waits")
	}
}
