package pool

import (
	"errors"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

func TestAnAppThatCannotBeStartedHasFailedFromItsFirstMomentOn(t *testing.T) {
	for _, least := range []int{0, 1} {
		in(t, func(t *testing.T, s *shop) {
			app := conf.App{Name: "blog", MinProcesses: least, MaxProcesses: 2, Concurrency: 1, DrainTimeout: time.Minute, StopTimeout: time.Second}
			s.fails["/r1"] = errors.New("it has no folder")
			s.pool.NoteTo(func(string, Note) { t.Error("it is noted") })
			g := s.pool.ResumeFailed(app, Release{Path: "/r1"}, Past{Generation: 3}, "it has no folder", s.spawn)
			now := g.Snapshot()
			got(t, "its condition", now.Condition, Failed)
			got(t, "why", now.Failure.Reason, "it has no folder")
			got(t, "its generation", now.Generation, 4)
			if _, err := g.Acquire(t.Context(), Wish{}); err == nil || !strings.Contains(err.Error(), "it has no folder") {
				t.Errorf("a request gets %v", err)
			}
			time.Sleep(time.Hour)
			got(t, "its condition", g.Snapshot().Condition, Failed)
			g.Fail("it has no user")
			got(t, "why", g.Snapshot().Failure.Reason, "it has no user")
			if err := g.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			got(t, "its condition", g.Snapshot().Condition, Stopped)
			s.pool.Remove(g)
			s.pool.NoteTo(nil)
		})
	}
}
