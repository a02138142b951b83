package deploy

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"purser/pool"
)

// lookAs has a site look at its apps as look does.
func (s *site) lookAs(look func() error) {
	s.look = func(context.Context, string) error { return look() }
}

func TestWhatANewReleaseIsIsFoundOutBeforeItsRestart(t *testing.T) {
	s := newSite(t)
	looked := 0
	s.lookAs(func() error {
		looked++
		s.apps["blog"].Change(s.apps["blog"].now(), 7)
		return nil
	})
	s.deploy("blog", "2")
	if _, err := s.Restart(s.group("blog"), pool.RestartRequest{}); err != nil {
		t.Fatal(err)
	}
	if !s.group("blog").Configs()[7] || looked != 1 {
		t.Errorf("after %d looks its configurations are %v", looked, s.group("blog").Configs())
	}
}

func TestWhatIsFoundOfOneReleaseIsNotStartedInAnother(t *testing.T) {
	s := newSite(t)
	s.deploy("blog", "3")
	s.deploy("blog", "2")
	looked := 0
	s.lookAs(func() error {
		if looked++; looked == 1 {
			s.must(os.Remove(s.path("blog/current")))
			s.must(os.Symlink("3", s.path("blog/current")))
		}
		return nil
	})
	r, err := s.Restart(s.group("blog"), pool.RestartRequest{})
	if err != nil || r.Release.Path != s.path("blog/3") || looked != 2 {
		t.Errorf("after %d looks %s is to serve (%v)", looked, r.Release.Path, err)
	}
}

func TestAReleaseThatCannotBeStartedIsARestartThatHasFailed(t *testing.T) {
	s := newSite(t)
	s.lookAs(func() error { return errors.New("nothing says how to start it") })
	s.deploy("blog", "2")
	_, err := s.Restart(s.group("blog"), pool.RestartRequest{})
	if err == nil || !strings.Contains(err.Error(), "nothing says how to start it; the old code serves on") {
		t.Errorf("the error is %v", err)
	}
	if r := s.group("blog").Restarts()[0]; r.State != pool.RestartFailed || r.Failure.Reason != err.Error() {
		t.Errorf("the restart is %+v", r)
	}
}
