package pool

import "testing"

func TestWhatWasTakenBackStaysBackInTheNextGroup(t *testing.T) {
	taken := Release{Path: "/r2"}
	s := newStory(t)
	s.state.resume(Past{Generation: 7, TakenBack: &taken, Good: &Release{Path: "/r1"}}, &Failure{})
	s.state.settle(s.now)
	s.has("spawn 1 of /r1", "spawn 2 of /r1")
	s.boots(1, 2)
	s.are("1 ready g6, 2 ready g6")
	s.isIn(RolledBack)
	s.uses()
	s.did = nil
	s.exits(1)
	s.has("spawn 3 of /r1") // what is taken back repairs nothing
	s.boots(3)
	r := s.restarts("/r2")
	got(t, "the generation that brings it", r.generation.number, 8)
	s.bootsAll(r)
	s.isIn(Up)
	got(t, "what serves", s.state.good.release.Path, "/r2")
}

func TestGenerationsAreCountedOn(t *testing.T) {
	s := newStory(t)
	s.state.resume(Past{Generation: 7}, &Failure{})
	s.state.settle(s.now)
	s.boots(1, 2)
	s.are("1 ready g8, 2 ready g8")
	s.isIn(Up)
}
