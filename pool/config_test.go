package pool

import (
	"errors"
	"testing"
	"time"

	"purser/conf"
)

// reconfigures restarts an app where it is, with another configuration.
func (s *story) reconfigures(config int) *restart {
	s.state.app.Restart.Strategy = Rolling
	wanted := s.state.wanted.release
	return s.state.restart(s.now, "r-config", RestartRequest{Release: Release{Path: wanted.Path}, Strategy: Rolling, Config: config, SameCode: true})
}

func TestConfigurationThatDoesNotStartLeavesTheOldOneWhichIsSpawnedAgain(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 2, 2 })
	s.boots(1, 2)
	s.uses()
	r := s.reconfigures(7)
	s.are("1 ready, 2 ready, 3 spawning g2")
	got(t, "the new one's configuration", s.procs[3].generation.config, 7)
	s.exits(3)
	s.isIn(Resisting)
	got(t, "the restart", r.state, RestartFailed)
	s.exits(1)
	got(t, "what takes its place", s.procs[4].generation.config, 0)
	s.boots(4)
	got(t, "what is known of it by the next purser", s.state.outlives(false), Past{Generation: 2})
}

func TestCodeOfAFolderThatWasDeployedIntoDoesNotComeBackByAConfiguration(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 2, 2 })
	s.boots(1, 2)
	s.restarts("/r1")
	s.reconfigures(1)
	got(t, "whether the old code is overwritten", s.state.overwritten(s.state.good), true)
	got(t, "which configurations are in use", len(s.state.configs()), 2)
}

func TestStoppedGroupSaysSoAndStartsNothing(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MaxProcesses = 1 })
		p := acquired(t, g)
		time.AfterFunc(time.Second, func() { g.Release(p, Worked) })
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		got(t, "its condition", g.Snapshot().Condition, Stopped)
		if _, err := g.Acquire(t.Context(), Wish{}); !errors.Is(err, ErrStopped) {
			t.Errorf("a request got %v", err)
		}
		if _, err := g.Rollback("", ""); !errors.Is(err, ErrStopped) {
			t.Errorf("a rollback got %v", err)
		}
		got(t, "a restart", g.Restart(RestartRequest{}).Failure.Reason, "the app is being stopped")
		s.pool.Remove(g)
		was := s.pool.ResumeStopped(g.App(), Release{Path: "/r1"}, Past{Generation: 3})
		got(t, "one that was stopped before", was.Snapshot().Condition, Stopped)
		got(t, "what is known of it", was.Past(), Past{Generation: 4})
		s.pool.Remove(was)
	})
}

func TestMoreMayLiveOnceTheLimitOfThePoolGrows(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		s.pool.Limit(1, 1)
		g := s.add("blog", func(app *conf.App) { app.MinProcesses, app.MaxProcesses, app.Concurrency = 1, 2, 1 })
		one := acquired(t, g)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, g) }()
		time.Sleep(5 * time.Second)
		got(t, "what lives", alive(g), 1)
		s.pool.Limit(2, 0)
		g.Release(<-waiting, Worked)
		g.Release(one, Worked)
		got(t, "what lives", alive(g), 2)
	})
}
