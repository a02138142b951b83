package deploy

import (
	"testing"

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
