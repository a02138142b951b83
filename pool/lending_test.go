package pool

import (
	"errors"
	"testing"
	"time"

	"purser/conf"
)

func TestMinIsHeldFromTheStart(t *testing.T) {
	s := tell(t)
	s.are("1 spawning, 2 spawning")
	s.isIn(Starting)
	s.boots(2)
	s.isIn(Up)
	s.are("1 spawning, 2 ready")
}

func TestQueueSpawnsAsManyAsItNeeds(t *testing.T) {
	for _, test := range []struct {
		name        string
		concurrency int
		requests    int
		want        string
	}{
		{"one request, one process", 1, 1, "1 spawning"},
		{"each process takes two", 2, 5, "1 spawning, 2 spawning, 3 spawning"},
		{"never above max", 1, 50, "1 spawning, 2 spawning, 3 spawning, 4 spawning"},
		{"one takes them all", conf.Unlimited, 50, "1 spawning"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tell(t, func(app *conf.App) { app.MinProcesses, app.Concurrency = 0, test.concurrency })
			s.are("")
			s.asked(test.requests)
			s.are(test.want)
		})
	}
}

func TestQueueIsServedInOrder(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	waiting := s.asked(3)
	s.boots(1)
	for i, w := range waiting {
		if w.proc == nil || i < 2 && waiting[i+1].proc != nil {
			t.Fatalf("after %d were served, the wrong request is", i)
		}
		s.done(w)
	}
	got(t, "the load", s.procs[1].load(), 0)
	got(t, "what it processed", s.procs[1].processed(), uint64(3))
}

func TestQueueIsLimited(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MaxQueue = 2 })
	waiting := s.asked(2)
	got(t, "why it is full", s.state.full(), ErrQueueFull)
	if err := s.asks().err; !errors.Is(err, ErrQueueFull) {
		t.Fatalf("the third request got %v", err)
	}
	s.state.abandon(s.now, waiting[0])
	got(t, "why it is full", s.state.full(), nil)
	got(t, "the error of the next", s.asks().err, nil)
}

func TestRequestsTimeOutInTheQueue(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.QueueTimeout = 10 * time.Second })
	first := s.asks()
	s.passes(4 * time.Second)
	second := s.asks()
	s.passes(6 * time.Second)
	got(t, "what the first got", first.err, ErrQueueTimeout)
	got(t, "what the second got", second.err, nil)
	s.passes(4 * time.Second)
	got(t, "what the second got", second.err, ErrQueueTimeout)
	got(t, "the queue", s.state.queue.length, 0)
}

func TestClientThatLeavesIsForgotten(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
	waiting := s.asked(4)
	s.state.abandon(s.now, waiting[1])
	s.boots(1)

	s.state.abandon(s.now, waiting[0]) // it was lent the process a moment ago
	if waiting[2].proc == nil || waiting[3].proc != nil {
		t.Fatal("the process did not go on to the third request")
	}
	got(t, "the load", s.procs[1].load(), 1)
	got(t, "what it processed", s.procs[1].processed(), uint64(0))
}

func TestLendingOrder(t *testing.T) {
	for _, test := range []struct {
		name        string
		concurrency int
		loads       []int // of processes 1 to 4; the last is of a newer generation
		want        int   // 0 = none
	}{
		{"limited: the newest generation", 3, []int{0, 0, 0, 2}, 4},
		{"limited: one with room", 3, []int{2, 1, 2, 3}, 2},
		{"limited: the oldest of equals", 3, []int{1, 1, 1, 3}, 1},
		{"limited: none", 3, []int{3, 3, 3, 3}, 0},
		{"unlimited: the least busy", conf.Unlimited, []int{5, 7, 6, 9}, 1},
		{"unlimited: of equals the newest generation", conf.Unlimited, []int{5, 5, 5, 5}, 4},
		{"unlimited: a cold one does not drown", conf.Unlimited, []int{2, 2, 2, 3}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := tell(t, func(app *conf.App) { app.MinProcesses, app.Concurrency = 3, test.concurrency })
			s.boots(1, 2, 3)
			s.restarts("/r2")
			s.procs[4].replaces = false // as if it had been added
			s.boots(4)
			for i, load := range test.loads {
				s.procs[i+1].requests = load
				s.state.lendable.moved(s.procs[i+1])
			}
			p := s.state.lendable.first()
			if p == nil && test.want != 0 || p != nil && p.number != test.want {
				t.Fatalf("lent is %+v, not %d", p, test.want)
			}
		})
	}
}

func TestDoubtedProcessIsLentLast(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.Concurrency = conf.Unlimited })
	s.boots(1, 2)
	s.state.doubt(s.now, s.procs[1])
	for range 3 {
		got(t, "the lent process", s.asks().proc.number, 2)
	}
	s.passes(2 * time.Second)
	got(t, "the lent process", s.asks().proc.number, 1)
}

func TestIdleProcessesAboveMinGo(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.IdleTimeout = time.Minute })
	waiting := s.asked(4)
	s.boots(1, 2, 3, 4)
	s.did = nil
	s.done(waiting[0])
	s.done(waiting[1])
	s.done(waiting[2])
	s.passes(59 * time.Second)
	s.has()
	s.passes(3 * time.Second)
	s.has("stop 1", "stop 2") // the fourth still serves, the third is held by min
	s.exits(1, 2)
	s.passes(time.Hour)
	s.are("3 ready, 4 ready")
}

func TestIdleProcessesStayWhileARestartNeedsThem(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.IdleTimeout = time.Minute })
	waiting := s.asked(3)
	s.boots(1, 2, 3)
	for _, w := range waiting {
		s.done(w)
	}
	s.restarts("/r2")
	s.passes(10 * time.Minute)
	s.are("1 ready, 2 ready, 3 ready, 4 spawning g2")
}

func TestProcessThatIsUsedIsNotIdle(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.IdleTimeout = 0, time.Minute })
	w := s.asks()
	s.boots(1)
	s.done(w)
	for range 5 { // lent and given back without the group looking
		s.passes(50 * time.Second)
		s.done(s.asks())
	}
	s.are("1 ready")
	got(t, "when it was last used", s.now.Sub(s.procs[1].lastUsed) > 0, true)
	s.passes(62 * time.Second)
	s.are("1 stopping")
	s.exits(1)
	s.isIn(Resting)
}

func TestMaxRequestsReplacesBeforeItDrains(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MinProcesses, app.MaxProcesses, app.MaxRequests = 1, 1, 100 })
	s.boots(1)
	limit := int(s.procs[1].limit)
	if limit < 90 || limit > 110 {
		t.Fatalf("the limit is %d, not 100 give or take a tenth", limit)
	}
	for range limit {
		s.are("1 ready")
		s.done(s.asks())
	}
	s.are("1 ready, 2 spawning")
	s.done(s.asks())
	s.boots(2)
	s.are("1 stopping, 2 ready")
}

func TestMaxRequestsIsScattered(t *testing.T) {
	s := tell(t, func(app *conf.App) { app.MaxRequests = 1000 })
	limits := map[uint64]bool{}
	for range 50 {
		limits[s.state.requestLimit()] = true
	}
	if len(limits) < 25 {
		t.Fatalf("50 processes have only %d limits", len(limits))
	}
}

func TestRecycledProcessIsReplaced(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.did = nil
	s.state.recycle(s.now, w.proc, "it hangs")
	s.has("spawn 3 of /r1")
	s.are("1 draining, 2 ready, 3 spawning")
	s.state.recycle(s.now, w.proc, "it hangs still")
	s.done(w)
	s.has("stop 1")
}

// A process that is killed refuses connections before its exit can be known.
func TestProcessThatTakesNoConnectionsAndIsDeadHasCrashed(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.did = nil
	s.state.refuses(s.now, w.proc, "connection refused")
	s.has("spawn 3 of /r1")
	s.done(w)
	s.are("1 draining, 2 ready, 3 spawning")
	s.exits(1)
	if last := s.events[len(s.events)-1]; s.noted("process crashed") != 1 || !last.Crashed {
		t.Errorf("it is not said that it has crashed: %+v", last)
	}
}

func TestProcessThatTakesNoConnectionsAndLivesIsEnded(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.did = nil
	s.state.refuses(s.now, w.proc, "connection refused")
	s.done(w)
	s.did = nil
	s.passes(deathTime)
	s.has("stop 1")
}

func TestProcessRecycledAboveMinIsReplacedToo(t *testing.T) {
	s := tell(t)
	waiting := s.asked(3)
	s.boots(1, 2, 3)
	s.did = nil
	s.state.recycle(s.now, waiting[2].proc, "it hangs")
	s.has("spawn 4 of /r1")
}

func TestLentProcessThatIsNotLentIsABug(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.done(w)
	for name, twice := range map[string]func(){
		"given back": func() { s.state.giveBack(w.proc, Worked) },
		"held":       func() { s.state.hold(w.proc) },
		"dropped":    func() { s.state.drop(w.proc) },
		"ready":      func() { s.boots(1) },
		"gone":       func() { s.exits(2); s.exits(2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a process that is %s once more goes unnoticed", name)
				}
			}()
			twice()
		}()
	}
}
