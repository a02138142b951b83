package pool

import (
	"reflect"
	"testing"
)

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

func TestWhyNothingServesIsToldBeforeWhatWasTakenBack(t *testing.T) {
	s := newStory(t)
	s.state.resume(Past{Generation: 7, TakenBack: &Release{Path: "/r2"}, Good: &Release{Path: "/r1"}}, &Failure{Reason: "rolled back"})
	s.state.settle(s.now)
	s.boots(1)
	s.exits(2)
	got(t, "the failure while one serves", snapshotOf(&s.state, s.now).Failure.Reason, "rolled back")
	s.exits(1)
	snapshot := snapshotOf(&s.state, s.now)
	got(t, "the generation that does not start", snapshot.Failure.Generation, 6)
	got(t, "why", snapshot.Failure.Reason, "exited with status 1")
}

func TestGenerationsAreCountedOn(t *testing.T) {
	s := newStory(t)
	s.state.resume(Past{Generation: 7}, &Failure{})
	s.state.settle(s.now)
	s.boots(1, 2)
	s.are("1 ready g8, 2 ready g8")
	s.isIn(Up)
}

func TestWhatDidNotStartIsTriedAgainInTheNextGroup(t *testing.T) {
	s := newStory(t)
	s.state.resume(Past{Generation: 7, TakenBack: &Release{Path: "/r2"}, Good: &Release{Path: "/r1"}, Why: ByStart, Reason: "no table"}, &Failure{})
	s.state.settle(s.now)
	s.has("spawn 1 of /r1", "spawn 2 of /r1", "spawn 3 of /r2")
	s.boots(1, 2)
	s.isIn(Resisting)
	s.boots(3)
	got(t, "what is to be known of it then", s.state.outlives(false), Past{Generation: 7})
}

func TestEachVerdictIsKnownToTheNextPurserAndToTheOneAfterIt(t *testing.T) {
	for _, why := range []Verdict{ByOperator, ByStart, ByAnswers} {
		s := newStory(t)
		known := Past{Generation: 7, TakenBack: &Release{Path: "/r2"}, Good: &Release{Path: "/r1"}, Why: why, Reason: "no table"}
		s.state.resume(known, &Failure{Reason: known.reason()})
		if again := s.state.outlives(false); !reflect.DeepEqual(again, known) {
			t.Errorf("%+v becomes %+v", known, again)
		}
		got(t, "its reason", s.state.wanted.failure.Reason, "no table (before the app was started)")
	}
}

func TestACanaryIsHeldBackInTheNextGroupUnlessItWasPromoted(t *testing.T) {
	s := tell(t, four)
	s.boots(1, 2, 3, 4)
	r := s.canary(one)
	for _, serves := range []bool{false, true} {
		if serves {
			s.boots(5)
		}
		past := s.state.outlives(s.state.restartTo(s.state.wanted).waits())
		if past.TakenBack == nil || past.TakenBack.Path != "/r2" || past.Reason != "its canary was not promoted" {
			t.Errorf("of a canary it is known: %+v", past)
		}
	}
	if _, err := s.state.promote(s.now); err != nil {
		t.Fatal(err)
	}
	got(t, "what is known once it is promoted", s.state.outlives(r.waits()), Past{Generation: 2})
}
