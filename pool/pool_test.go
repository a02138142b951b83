package pool

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

func TestGroupsAreKnownByName(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		shop, blog := s.add("shop"), s.add("blog")
		got(t, "blog", s.pool.Group("blog"), blog)
		got(t, "nobody", s.pool.Group("nobody"), nil)
		if !slices.Equal(s.pool.Groups(), []*Group{blog, shop}) {
			t.Fatal("the groups are not in the order of their names")
		}
		got(t, "the app's name", blog.App().Name, "blog")
	})
}

func TestAppAddedTwiceOrUnresolvedIsABug(t *testing.T) {
	in(t, func(t *testing.T, s *shop) {
		s.add("blog")
		for name, add := range map[string]func(){
			"an app added twice":           func() { s.add("blog") },
			"an app without a concurrency": func() { s.add("shop", func(app *conf.App) { app.Concurrency = 0 }) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s goes unnoticed", name)
					}
				}()
				add()
			}()
		}
	})
}

// capped plays a test with two apps under a cap, each with min 0 and max 4.
func capped(t *testing.T, limit int, play func(t *testing.T, s *shop, a, b *Group)) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(limit)
		small := func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 0, 4 }
		defer s.close(t)
		play(t, s, s.add("a", small), s.add("b", small))
	})
}

func alive(groups ...*Group) (n int) {
	for _, g := range groups {
		n += len(g.Snapshot().Processes)
	}
	return n
}

func TestCapHoldsOverAllGroups(t *testing.T) {
	capped(t, 3, func(t *testing.T, s *shop, a, b *Group) {
		one, two, three := acquired(t, a), acquired(t, a), acquired(t, b)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, a) }()
		time.Sleep(10 * time.Second)
		got(t, "how many are alive", alive(a, b), 3)
		a.Release(one) // the waiting request gets it
		got(t, "who serves the waiting request", <-waiting, one)
		a.Release(one)
		a.Release(two)
		b.Release(three)
	})
}

func TestGroupWithoutAProcessGetsTheRoomOfAnIdleOne(t *testing.T) {
	capped(t, 2, func(t *testing.T, s *shop, a, b *Group) {
		one, two := acquired(t, a), acquired(t, a)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, b) }()
		time.Sleep(10 * time.Second)
		a.Release(one) // now idle, and b is without any
		p := <-waiting
		got(t, "how many are alive", alive(a, b), 2)
		got(t, "how many b has", alive(b), 1)
		b.Release(p)
		a.Release(two)
	})
}

func TestRoomIsTakenFromWhoNeedsItLeast(t *testing.T) {
	capped(t, 2, func(t *testing.T, s *shop, a, b *Group) {
		c := s.add("c", func(app *conf.App) { app.MinProcesses = 0 })
		b.Release(acquired(t, b))
		time.Sleep(10 * time.Second)
		a.Release(acquired(t, a)) // both are idle now, b for longer
		c.Release(acquired(t, c))
		got(t, "what a has", alive(a), 1)
		got(t, "what b has", alive(b), 0)
	})
}

func TestProcessesOfMinAreNotTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(1)
		defer s.close(t)
		a := s.add("a")
		g := s.add("b", func(app *conf.App) { app.MinProcesses, app.QueueTimeout = 0, 5*time.Second })
		a.Release(acquired(t, a))
		if _, err := g.Acquire(t.Context()); err != ErrQueueTimeout {
			t.Fatalf("the request got %v", err)
		}
		got(t, "what a has", ready(a), 1)
	})
}

func TestRestartMayExceedTheCapByItsSurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(2)
		defer s.close(t)
		g := s.add("a", func(app *conf.App) { app.MinProcesses = 2 })
		g.Release(acquired(t, g))
		synctest.Wait()
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		got(t, "how many are alive", alive(g), 3)
		if r, _ = g.WaitRestart(t.Context(), r.ID); r.State != RestartDone {
			t.Fatalf("the restart is %v", r.State)
		}
	})
}

func TestObserverIsToldInOrderAndMayAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		var told []RestartState
		s.pool.OnRestartEnd(func(app string, r RestartSnapshot) {
			s.pool.Group(app).Snapshot() // no lock is held
			told = append(told, r.State)
		})
		g := s.add("blog")
		g.Release(acquired(t, g))
		g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		g.Restart(RestartRequest{Release: Release{Path: "/r3"}})
		r := g.Restart(RestartRequest{Release: Release{Path: "/r4"}})
		g.WaitRestart(t.Context(), r.ID)
		g.Restart(RestartRequest{Release: Release{Path: "/r5"}})
		s.close(t)
		want := []RestartState{RestartSuperseded, RestartSuperseded, RestartDone, RestartFailed}
		if !slices.Equal(told, want) {
			t.Fatalf("the observer was told %v, not %v", told, want)
		}
	})
}
