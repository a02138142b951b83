package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
	"purser/pool"
)

func TestTouchesWithoutEndAreFewStartsAndEndOnTheNewestCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		before := s.spawns.Load()
		s.deploy("blog", "2")
		for range 600 {
			s.touched("blog", "tmp/restart.txt touched")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		g := s.group("blog")
		if started := s.spawns.Load() - before; started > 3 {
			t.Errorf("600 touches in 6 seconds start %d processes", started)
		}
		if restarts := g.Restarts(); len(restarts) > 1 || restarts[0].State != pool.RestartDone {
			t.Errorf("the restarts are %+v", restarts)
		}
		if live := g.Snapshot().Release.Path; live != s.path("blog/2") {
			t.Errorf("%s serves", live)
		}
	})
}

func TestATouchIsNotPreparedOnTheGoroutineThatWatches(t *testing.T) {
	s := newSite(t)
	s.apps["blog"].turn <- struct{}{} // another restart is being prepared, for as long as it takes
	s.touched("blog", "tmp/restart.txt touched")
	<-s.apps["blog"].turn
	s.eventually("it is restarted", func() bool { return len(s.group("blog").Restarts()) == 1 })
}

func TestARootThatLeadsNowhereIsARestartThatHasFailed(t *testing.T) {
	s := newSite(t)
	s.must(os.Remove(s.path("blog/current")))
	s.must(os.Symlink("none", s.path("blog/current")))
	failed, err := s.Restart(s.group("blog"), pool.RestartRequest{Reason: "release 42"})
	if err == nil || !strings.Contains(err.Error(), "the old code serves on") {
		t.Errorf("the error is %v", err)
	}
	history := s.group("blog").Restarts()
	if len(history) != 1 || history[0].ID != failed.ID || history[0].State != pool.RestartFailed || history[0].Reason != "release 42" {
		t.Fatalf("the history is %+v", history)
	}
	if reason := history[0].Failure.Reason; reason != err.Error() {
		t.Errorf("it failed for %q", reason)
	}
	s.eventually("restart.status tells of it", func() bool {
		text, err := os.ReadFile(s.path("blog/1/tmp/restart.status"))
		return err == nil && strings.Contains(string(text), failed.ID)
	})
	s.touched("blog", "tmp/restart.txt touched")
	s.eventually("a touch is in the history, too", func() bool { return len(s.group("blog").Restarts()) == 2 })
}

func TestNothingBeginsOncePurserStops(t *testing.T) {
	s := newSite(t)
	g := s.group("blog")
	s.Stop()
	s.touched("blog", "tmp/restart.txt touched")
	s.RestartAll("SIGUSR1")
	_, restart := s.Restart(g, pool.RestartRequest{})
	_, rollback := s.Rollback(g, "alice", "slow")
	_, promotion := s.Promote(g)
	for what, err := range map[string]error{"a restart": restart, "a rollback": rollback, "a promotion": promotion} {
		if !errors.Is(err, pool.ErrClosed) {
			t.Errorf("%s is answered with %v", what, err)
		}
	}
	if begun := g.Restarts(); len(begun) != 0 {
		t.Errorf("begun is %+v", begun)
	}
}

func TestAHookThatRefusesIsRememberedOnceWithWhatItSaid(t *testing.T) {
	s := newSite(t, func(app *conf.App) { app.Hooks.BeforeRestart.Shell = "echo not on a Friday; exit 3" })
	r, err := s.Restart(s.group("blog"), pool.RestartRequest{})
	if err != nil || r.State != pool.RestartFailed || !strings.Contains(r.Failure.Reason, "exited with status 3") {
		t.Errorf("the restart is %+v, %v", r, err)
	}
	if len(r.Failure.Output) != 1 || r.Failure.Output[0] != "not on a Friday" {
		t.Errorf("its hook said %q", r.Failure.Output)
	}
}

func TestATouchThatNeverEndsDoesNotPutAHookOffForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &App{ctx: t.Context(), touches: touches{first: time.Now(), last: time.Now()}}
		began := time.Now()
		touching := time.NewTicker(50 * time.Millisecond)
		defer touching.Stop()
		quiet := make(chan struct{})
		go func() {
			a.awaitQuiet(200 * time.Millisecond)
			close(quiet)
		}()
		for {
			select {
			case <-touching.C:
				a.mu.Lock()
				a.touches.last = time.Now()
				a.mu.Unlock()
			case <-quiet:
				if waited := time.Since(began); waited > longestQuiet {
					t.Errorf("it waited for %v", waited)
				}
				return
			}
		}
	})
}

func TestTheLastHooksOfAnAppRunBeforeItIsGone(t *testing.T) {
	s := newSite(t, func(app *conf.App) { app.Hooks.ProcessGone.Shell = "echo gone >> tmp/log" })
	a, g := s.apps["blog"], s.group("blog")
	delete(s.apps, "blog")
	a.Refuse()
	s.must(g.Close(t.Context()))
	a.Remove()
	s.pool.Remove(g)
	if log, err := os.ReadFile(s.path("blog/1/tmp/log")); err != nil || string(log) != "gone\ngone\n" {
		t.Errorf("the hooks wrote %q (%v)", log, err)
	}
	s.touched("blog", "tmp/restart.txt touched") // a late one is nothing
	s.add("blog")                                // and it may come back
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }
