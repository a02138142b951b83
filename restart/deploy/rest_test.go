package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
	"purser/pool"
)

func TestNothingBeginsWhileADeployerRests(t *testing.T) {
	s := newSite(t)
	goOn, err := s.Rest(t.Context())
	s.must(err)
	s.deploy("blog", "2")
	s.touched("blog", "tmp/restart.txt touched")
	asked := make(chan error, 1)
	go func() {
		_, err := s.Restart(s.group("blog"), pool.RestartRequest{Reason: "release 2"})
		asked <- err
	}()
	if n := len(s.group("blog").Restarts()); n != 0 {
		t.Errorf("%d restarts have begun", n)
	}
	goOn()
	s.must(<-asked)
	s.eventually("it goes on", func() bool { return s.group("blog").Snapshot().Release.Path == s.path("blog/2") })
}

func TestAHookThatRunsIsWaitedForAndNotCutOff(t *testing.T) {
	s := newSite(t, func(app *conf.App) {
		app.Hooks.BeforeRestart = conf.Command{Shell: "while ! [ -e go ]; do sleep 0.01; done"}
	})
	s.deploy("blog", "2")
	asked := make(chan error, 1)
	go func() {
		_, err := s.Restart(s.group("blog"), pool.RestartRequest{})
		asked <- err
	}()
	s.eventually("it is being prepared", func() bool { return len(s.apps["blog"].turn) == 1 })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Rest(over); err == nil || !strings.Contains(err.Error(), "a restart of blog is being prepared") {
		t.Errorf("it does not say what goes on: %v", err)
	}
	s.must(os.WriteFile(filepath.Join(s.path("blog/1"), "go"), nil, 0o600))
	s.must(os.WriteFile(filepath.Join(s.path("blog/2"), "go"), nil, 0o600))
	s.must(<-asked)
	goOn, err := s.Rest(t.Context())
	s.must(err)
	goOn()
}

// What is asked once another process has the apps is to be asked there, and nothing is written down here.
func TestAnotherProcessHasTheAppsOnceADeployerYields(t *testing.T) {
	file := filepath.Join(t.TempDir(), "purser.json")
	s := newSite(t)
	s.keepIn(file)
	s.restartTo("2")
	_, err := s.Rest(t.Context())
	s.must(err)
	asked := make(chan error, 1)
	go func() {
		_, err := s.Restart(s.group("blog"), pool.RestartRequest{})
		asked <- err
	}()
	s.Yield()
	if err := <-asked; !errors.Is(err, pool.ErrYielded) {
		t.Errorf("a restart that waited is answered with %v", err)
	}
	if _, err := s.Rollback(s.group("blog"), "alice", ""); !errors.Is(err, pool.ErrYielded) {
		t.Errorf("a rollback is answered with %v", err)
	}
	if _, err := s.Promote(s.group("blog")); !errors.Is(err, pool.ErrYielded) {
		t.Errorf("a promotion is answered with %v", err)
	}
	before, err := os.ReadFile(file)
	s.must(err)
	s.SetStopped("blog", true)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file has become %s (%v)", after, err)
	}
	s.yielded.Store(false) // for the end of the test: there is no other process
	s.events = follow(s.pool, func(pool.Event) {}, s.log)
}
