package deploy

import (
	"testing"

	"purser/conf"
	"purser/pool"
)

// restartTo deploys a release and restarts the app with it.
func (s *site) restartTo(release string) {
	s.Helper()
	s.deploy("blog", release)
	r, err := s.Restart(s.group("blog"), pool.RestartRequest{})
	s.must(err)
	s.ends(r)
}

func (s *site) ends(r pool.RestartSnapshot) {
	s.Helper()
	r, err := s.group("blog").WaitRestart(s.Context(), r.ID)
	s.must(err)
	if r.State != pool.RestartDone {
		s.Fatalf("the restart ended with %+v", r)
	}
}

func (s *site) rollsBack() {
	s.Helper()
	r, err := s.Rollback(s.group("blog"), "alice", "slow")
	s.must(err)
	s.ends(r)
}

// restarts is how many there were.
func (s *site) restarts() int { return len(s.group("blog").Restarts()) }

func TestWhatWasTakenBackStaysBackUntilSomebodyAsksForIt(t *testing.T) {
	s := newSite(t)
	s.restartTo("2")
	s.rollsBack()
	before := s.restarts()
	s.must(s.Mark("blog", "openssl was upgraded"))
	s.RestartAll("SIGUSR1")
	s.changed("blog", "Gemfile.lock changed")
	if needs := s.Needs("blog"); len(needs) != 0 {
		t.Errorf("it is said to need a restart: %+v", needs)
	}
	if condition := s.group("blog").Snapshot().Condition; condition != pool.RolledBack {
		t.Errorf("the condition is %s", condition)
	}
	s.touched("blog", "tmp/restart.txt touched")
	s.eventually("a touch brings it", func() bool { return s.group("blog").Snapshot().Condition == pool.Up })
	if begun := s.restarts(); begun != before+1 {
		t.Errorf("%d restarts were begun, not one, by the touch", begun-before)
	}
}

// What restarts an app for another reason would bring the code of a canary to all visitors, and nobody has promoted it.
func TestCanaryGoesNoFurtherUntilSomebodyPromotesIt(t *testing.T) {
	s := newSite(t)
	s.deploy("blog", "2")
	r, err := s.Restart(s.group("blog"), pool.RestartRequest{Strategy: pool.Rolling, Canary: conf.Amount{Count: 1}})
	s.must(err)
	s.must(s.Mark("blog", "openssl was upgraded"))
	s.RestartAll("SIGUSR1")
	s.changed("blog", "Gemfile.lock changed")
	if _, begun, err := s.apps["blog"].Reconfigure("configuration changed: env.A"); begun || err != nil {
		t.Errorf("another configuration has begun a restart: %v, %v", begun, err)
	}
	if needs := s.Needs("blog"); len(needs) != 0 {
		t.Errorf("it is said to need a restart: %+v", needs)
	}
	s.eventually("the canary waits", func() bool { return s.group("blog").Snapshot().Restart.State == pool.RestartCanary })
	if now := s.group("blog").Snapshot().Restart; now.ID != r.ID || s.restarts() != 1 {
		t.Errorf("%d restarts were begun, the last is %+v", s.restarts(), now)
	}
	_, err = s.Promote(s.group("blog"))
	s.must(err)
	s.ends(r)
	if needs := s.Needs("blog"); len(needs) != 1 {
		t.Errorf("then it needs a restart for the mark: %+v", needs)
	}
}

func TestAnotherReleaseIsNotHeldBack(t *testing.T) {
	s := newSite(t)
	s.restartTo("2")
	s.rollsBack()
	s.deploy("blog", "3")
	s.RestartAll("SIGUSR1")
	s.eventually("the next release serves", func() bool {
		now := s.group("blog").Snapshot()
		return now.Condition == pool.Up && now.Release.Path == s.path("blog/3")
	})
}
