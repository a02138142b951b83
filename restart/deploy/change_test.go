package deploy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"purser/pool"
)

func TestAnotherRestartFileIsWatchedFromNowOnAndTheOldOneNoMore(t *testing.T) {
	s := newSite(t)
	s.run()
	a := s.apps["blog"]
	to := a.now()
	to.Restart.File = "tmp/again.txt"
	a.Change(to, 0)
	s.touch("blog", "tmp/again.txt")
	s.eventually("the new file restarts it", func() bool { return s.group("blog").Snapshot().Generation == 2 })
	s.eventually("that is done", func() bool { return s.group("blog").Snapshot().Restart.State == pool.RestartDone })
	s.touch("blog", "tmp/restart.txt")
	time.Sleep(time.Second) // nothing is to come
	if g := s.group("blog").Snapshot().Generation; g != 2 {
		t.Errorf("the old file restarts it: generation %d", g)
	}
}

func TestARestartForAnotherConfigurationHasItsNumberAndTheSameCode(t *testing.T) {
	s := newSite(t)
	a := s.apps["blog"]
	a.Change(a.now(), 5)
	r, begun, err := a.Reconfigure("configuration changed: env.A")
	if err != nil || !begun || r.Reason != "configuration changed: env.A" {
		t.Fatalf("it is %+v, %v, %v", r, begun, err)
	}
	s.eventually("it is done", func() bool { return s.group("blog").Snapshot().Restart.State == pool.RestartDone })
	if !s.group("blog").Configs()[5] {
		t.Errorf("the configurations are %v", s.group("blog").Configs())
	}
}

func TestCodeThatWasRolledBackDoesNotComeBackByAConfiguration(t *testing.T) {
	s := newSite(t)
	s.deploy("blog", "2")
	if _, err := s.Restart(s.group("blog"), pool.RestartRequest{}); err != nil {
		t.Fatal(err)
	}
	s.eventually("it is done", func() bool { return s.group("blog").Snapshot().Restart.State == pool.RestartDone })
	if _, err := s.Rollback(s.group("blog"), "", ""); err != nil {
		t.Fatal(err)
	}
	if _, begun, err := s.apps["blog"].Reconfigure("configuration changed: env.A"); begun || err != nil {
		t.Errorf("a restart has begun: %v, %v", begun, err)
	}
}

func TestWhatIsWatchedNewlyIsUnchangedSoFar(t *testing.T) {
	s := newSite(t)
	a := s.apps["blog"]
	s.must(os.WriteFile(filepath.Join(s.dir, "blog/current/code.rb"), []byte("1"), 0o600))
	to := a.now()
	to.Restart.Watch = []string{"*.rb"}
	a.Change(to, 0)
	if needs := s.Needs("blog"); len(needs) > 0 {
		t.Errorf("it needs %+v", needs)
	}
	s.must(os.WriteFile(filepath.Join(s.dir, "blog/current/code.rb"), []byte("22"), 0o600))
	s.eventually("a change is seen", func() bool { return len(s.Needs("blog")) > 0 })
}

// run has restart files watched until the test ends.
func (s *site) run() {
	ran := make(chan error, 1)
	ctx := s.Context()
	go func() { ran <- s.Run(ctx) }()
	s.Cleanup(func() { <-ran })
}

func (s *site) touch(app, file string) {
	s.Helper()
	s.must(os.WriteFile(filepath.Join(s.dir, app, "current", file), nil, 0o600))
}
