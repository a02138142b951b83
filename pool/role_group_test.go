package pool

import (
	"context"
	"testing"
	"time"
)

// A Group has its workers started, replaced, detached and stopped as its state says.
func TestAGroupRunsItsWorkers(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", withWorkers())
		time.Sleep(10 * time.Second)
		running := func() (n int) {
			for _, w := range g.Snapshot().Workers {
				n += w.Running
			}
			return n
		}
		got(t, "how many workers run", running(), 3)
		jobs := g.Snapshot().Workers[0]
		got(t, "whether a worker is detached by its pid", g.Detach(jobs.Processes[0].PID), true)
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		ended, err := g.WaitRestart(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		got(t, "how the restart ended", ended.State, RestartDone)
		got(t, "how many workers run", running(), 3)
		for _, w := range g.Snapshot().Workers {
			for _, p := range w.Processes {
				got(t, "the generation of "+w.Name, p.Generation, 2)
			}
		}
	})
}

func TestCloseWaitsForWorkersAndKillsThemWhenTimeRunsOut(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		s.stubborn = true
		g := s.add("blog", withWorkers())
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		if err := g.Close(ctx); err == nil {
			t.Error("nothing is said of what was killed")
		}
		got(t, "how long it took", time.Since(begun).Round(time.Second), 3*time.Second)
		for _, c := range s.children {
			got(t, "how often it was killed", c.kills.Load(), 1)
		}
		s.stubborn = false
	})
}
