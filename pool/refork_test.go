package pool

import (
	"errors"
	"testing"

	"purser/conf"
)

// warms has processes boot that can become a fork source after ten requests.
func (s *story) warms(numbers ...int) {
	for _, n := range numbers {
		s.state.booted(s.now, s.procs[n], warmChild{simChild{100 + n}, 10})
	}
}

// serves has a process answer so many requests.
func (s *story) serves(number, times int) {
	s.procs[number].lent += uint64(times)
	s.state.settle(s.now)
}

func (s *story) reforks(number int) { s.state.exited(s.now, s.procs[number], errReforked{}) }

func tellWarm(t *testing.T, change ...func(*conf.App)) *story {
	s := tell(t, change...)
	s.warms(1, 2)
	s.serves(1, 9)
	s.are("1 ready, 2 ready")
	return s
}

func TestAProcessThatHasServedBecomesTheForkSourceAndTheOthersFollow(t *testing.T) {
	s := tellWarm(t)
	s.serves(1, 1)
	s.are("1 ready, 2 ready, 3 spawning") // it is replaced first
	s.did = nil
	s.warms(3)
	s.has("refork 1")
	s.are("1 stopping, 2 ready, 3 ready")
	s.reforks(1)
	s.are("2 ready, 3 ready, 4 spawning") // one at a time
	s.warms(4)
	s.are("2 stopping, 3 ready, 4 ready")
	s.exits(2)
	s.are("3 ready, 4 ready, 5 spawning") // 3 was forked from the old source
	s.warms(5)
	s.exits(3)
	s.are("4 ready, 5 ready")
	s.serves(4, 100) // it is done once for a generation
	s.are("4 ready, 5 ready")
	got(t, "how often a process became the source", s.noted("process became the fork source"), 1)
}

func TestAProcessThatDoesNotBecomeTheForkSourceIsTheLastToBeAsked(t *testing.T) {
	s := tellWarm(t)
	s.serves(1, 1)
	s.warms(3)
	s.exits(1)
	s.serves(2, 100)
	s.are("2 ready, 3 ready")
	got(t, "how often that was said", s.noted("process did not become the fork source"), 1)
	s.restarts("/r2") // but the next generation tries
	s.warms(4)
	s.exits(2)
	s.warms(5)
	s.exits(3)
	s.did = nil
	s.serves(4, 10)
	s.warms(6)
	s.has("spawn 6 of /r2", "refork 4")
}

func TestAProcessThatHangsWhileItBecomesTheForkSourceIsKilled(t *testing.T) {
	s := tellWarm(t)
	s.serves(1, 1)
	s.warms(3)
	s.did = nil
	s.passes(s.state.app.StopTimeout)
	s.has("kill 1")
}

func TestARestartGoesBeforeARefork(t *testing.T) {
	s := tellWarm(t)
	s.serves(1, 1)
	s.restarts("/r2")
	s.did = nil
	s.warms(3, 4)
	for _, did := range s.did {
		if did == "refork 1" {
			t.Fatal("a process of the old code becomes a fork source in a restart")
		}
	}
}

func TestAProcessWithConnectionsIsNotChosenAsTheForkSource(t *testing.T) {
	s := tellWarm(t)
	w := s.asks()
	s.state.hold(w.proc)
	s.serves(w.proc.number, 10)
	s.are("1 ready, 2 ready")
}

func TestAChosenProcessThatCrashesIsReplacedAndAnotherIsChosen(t *testing.T) {
	s := tellWarm(t)
	s.serves(1, 1)
	s.state.exited(s.now, s.procs[1], errors.New("killed"))
	s.warms(3, 4)
	s.did = nil
	s.serves(2, 10)
	s.has("spawn 5 of /r1")
}
