package pool

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

func TestAcquireWaitsForAProcess(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog")
		if p := g.TryAcquire(Wish{}); p != nil {
			t.Fatal("a process is lent before one is ready")
		}
		begin := time.Now()
		p := acquired(t, g)
		got(t, "the wait", time.Since(begin), time.Second)
		got(t, "the child", p.Child().PID(), 1)
		got(t, "the generation", p.Generation(), 1)
		got(t, "a second one", g.TryAcquire(Wish{}), nil)
		g.Release(p, Worked)
		got(t, "what is lent now", g.TryAcquire(Wish{}), p)
		g.Hold(p)
		got(t, "the connections", g.Snapshot().Processes[0].Connections, 1)
		g.Drop(p)
		got(t, "what it processed", g.Snapshot().Processes[0].Processed, uint64(2))
	})
}

func TestQueueTimeoutNeedsNoEvent(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MaxProcesses, app.QueueTimeout = 1, 5*time.Second })
		p := acquired(t, g)
		begin := time.Now()
		if _, err := g.Acquire(t.Context(), Wish{}); !errors.Is(err, ErrQueueTimeout) {
			t.Fatalf("the request got %v", err)
		}
		got(t, "the wait", time.Since(begin), 5*time.Second)
		g.Release(p, Worked)
	})
}

func TestQueueFullIsSaidAtOnce(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MaxProcesses, app.MaxQueue = 1, 1 })
		p := acquired(t, g)
		var waiting sync.WaitGroup
		waiting.Go(func() { g.Release(acquired(t, g), Worked) })
		synctest.Wait()
		got(t, "why it is full", g.Full(), ErrQueueFull)
		if _, err := g.Acquire(t.Context(), Wish{}); !errors.Is(err, ErrQueueFull) {
			t.Fatalf("the request got %v", err)
		}
		g.Release(p, Worked)
		waiting.Wait()
	})
}

func TestCancelEndsTheWaitWithItsCause(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog")
		why := errors.New("the client has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(why) })
		if _, err := g.Acquire(ctx, Wish{}); !errors.Is(err, why) {
			t.Fatalf("the request got %v", err)
		}
		got(t, "the queue", g.Snapshot().Queue, 0)
	})
}

func TestCancelledJustAsItIsLentLosesNothing(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MaxProcesses = 1 })
		p := acquired(t, g)
		lent, cancelled := 0, 0
		for range 200 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			held := p
			time.AfterFunc(time.Second, func() { g.Release(held, Worked) }) // at the very same moment
			next, err := g.Acquire(ctx, Wish{})
			cancel()
			if err != nil {
				cancelled++
				next = acquired(t, g)
			} else {
				lent++
			}
			p = next
		}
		g.Release(p, Worked)
		t.Logf("%d lent, %d cancelled", lent, cancelled)
		got(t, "the load at the end", g.Snapshot().Processes[0].Requests, 0)
	})
}

func TestIdleProcessesGoByTheTimer(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.IdleTimeout = time.Minute })
		one := acquired(t, g)
		two := acquired(t, g)
		g.Release(one, Worked)
		g.Release(two, Worked)
		got(t, "how many are ready", ready(g), 2)
		time.Sleep(62 * time.Second)
		synctest.Wait()
		got(t, "how many are ready", ready(g), 1)
	})
}

func TestCloseLetsRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		g := s.add("blog")
		p := acquired(t, g)
		time.AfterFunc(20*time.Second, func() { g.Release(p, Worked) })
		begin := time.Now()
		s.close(t)
		got(t, "how long it took", time.Since(begin), 20*time.Second+500*time.Millisecond)
		if _, err := g.Acquire(t.Context(), Wish{}); !errors.Is(err, ErrClosed) {
			t.Fatalf("a late request got %v", err)
		}
		s.close(t) // once more does nothing
	})
}

func TestCloseKillsWhenTimeRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		s.stubborn = true
		g := s.add("blog", func(app *conf.App) { app.MinProcesses = 2 })
		p := acquired(t, g)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		err := s.pool.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `"blog"`) {
			t.Fatalf("Close says %v", err)
		}
		got(t, "how long it took", time.Since(begin), 3*time.Second)
		g.Release(p, Worked)
	})
}

func TestCloseGivesUpSpawns(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog")
		got(t, "the condition", g.Snapshot().Condition, Starting)
	})
}

func TestRestartIsFollowedToItsEnd(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MinProcesses = 2 })
		g.Release(acquired(t, g), Worked)
		synctest.Wait()
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}, Strategy: "rolling", Reason: "test"})
		got(t, "its state", r.State, RestartRunning)
		shown := len(r.Steps)
		for r.State == RestartRunning {
			next, err := g.WaitProgress(t.Context(), r.ID, shown)
			if err != nil || len(next.Steps) <= shown {
				t.Fatalf("no progress after %d steps: %v", shown, err)
			}
			r, shown = next, len(next.Steps)
		}
		got(t, "its state", r.State, RestartDone)
		got(t, "how far it is", r.Replaced, 2)
		if again, err := g.WaitRestart(t.Context(), r.ID); err != nil || again.State != RestartDone {
			t.Fatalf("asked again, it is %v, %v", again.State, err)
		}
		found, in := s.pool.Restart(r.ID)
		got(t, "the restart that the pool knows", found.ID, r.ID)
		got(t, "its group", in, g)
		for _, c := range s.children[2:] {
			got(t, "what was spawned", c.order.Release.Path, "/r2")
		}
	})
}

func TestWaitForARestartEndsWithItsContext(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		now, err := g.WaitRestart(ctx, r.ID)
		if !errors.Is(err, context.DeadlineExceeded) || now.ID != r.ID || now.State != RestartRunning {
			t.Fatalf("it is %+v, %v", now, err)
		}
		if _, err := g.WaitRestart(t.Context(), "r-unknown"); err == nil {
			t.Fatal("an unknown restart is waited for")
		}
		if _, in := s.pool.Restart("r-unknown"); in != nil {
			t.Fatal("the pool knows an unknown restart")
		}
	})
}

func TestSupersededWaiterIsTold(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		first := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		time.AfterFunc(100*time.Millisecond, func() { g.Restart(RestartRequest{Release: Release{Path: "/r3"}}) })
		ended, err := g.WaitRestart(t.Context(), first.ID)
		if err != nil || ended.State != RestartSuperseded {
			t.Fatalf("the first is %v, %v", ended.State, err)
		}
	})
}

func TestFailedStartIsToldWithAnErrorID(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		s.fails["/r1"] = errors.New(`cannot start app "blog": exited with status 7`)
		g := s.add("blog")
		_, err := g.Acquire(t.Context(), Wish{})
		start, ok := errors.AsType[*StartError](err)
		if !ok {
			t.Fatalf("the request got %v", err)
		}
		got(t, "what it says", err.Error(), `cannot start app "blog": exited with status 7 (error `+start.Failure.ErrorID+`)`)
		synctest.Wait() // it is logged after the request is answered
		if !strings.Contains(s.log.String(), start.Failure.ErrorID) {
			t.Fatal("the log does not explain the error id")
		}
	})
}

func TestEachEventIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		g.WaitRestart(t.Context(), r.ID)
		s.close(t)
		for message, times := range map[string]int{
			"pool: spawning process: app=blog": 2, "pool: process ready: app=blog": 2, "pool: draining process: app=blog": 2,
			"pool: stopping process: app=blog": 2, "pool: process exited: app=blog": 2,
			"pool: restart requested: app=blog": 1, "pool: restart done: app=blog": 1,
		} {
			if n := strings.Count(s.log.String(), message); n != times {
				t.Errorf("%q was logged %d times, not %d:\n%s", message, n, times, s.log)
			}
		}
	})
}

func TestDoubtEndsWhenTheProcessIsGone(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		g := s.add("blog", func(app *conf.App) { app.MinProcesses = 2 })
		p := acquired(t, g)
		g.Release(p, Worked)
		synctest.Wait()
		gone := g.Doubt(p)
		other := g.TryAcquire(Wish{})
		got(t, "whether another is lent", other != p, true)
		g.Release(other, Worked)
		time.AfterFunc(time.Second, func() { p.Child().(*madeChild).die(errors.New("killed by signal KILL")) })
		begin := time.Now()
		<-gone
		got(t, "when it is gone", time.Since(begin), time.Second)
	})
}
