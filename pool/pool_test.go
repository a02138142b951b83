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
		a.Release(one, Worked) // the waiting request gets it
		got(t, "who serves the waiting request", <-waiting, one)
		a.Release(one, Worked)
		a.Release(two, Worked)
		b.Release(three, Worked)
	})
}

func TestGroupWithoutAProcessGetsTheRoomOfAnIdleOne(t *testing.T) {
	capped(t, 2, func(t *testing.T, s *shop, a, b *Group) {
		one, two := acquired(t, a), acquired(t, a)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, b) }()
		time.Sleep(10 * time.Second)
		a.Release(one, Worked) // now idle, and b is without any
		p := <-waiting
		got(t, "how many are alive", alive(a, b), 2)
		got(t, "how many b has", alive(b), 1)
		b.Release(p, Worked)
		a.Release(two, Worked)
	})
}

func TestRoomIsTakenFromWhoNeedsItLeast(t *testing.T) {
	capped(t, 2, func(t *testing.T, s *shop, a, b *Group) {
		c := s.add("c", func(app *conf.App) { app.MinProcesses = 0 })
		b.Release(acquired(t, b), Worked)
		time.Sleep(10 * time.Second)
		a.Release(acquired(t, a), Worked) // both are idle now, b for longer
		c.Release(acquired(t, c), Worked)
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
		a.Release(acquired(t, a), Worked)
		if _, err := g.Acquire(t.Context(), Wish{}); err != ErrQueueTimeout {
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
		g.Release(acquired(t, g), Worked)
		synctest.Wait()
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		got(t, "how many are alive", alive(g), 3)
		if r, _ = g.WaitRestart(t.Context(), r.ID); r.State != RestartDone {
			t.Fatalf("the restart is %v", r.State)
		}
	})
}

func TestEventsTellEachEndOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		g.Restart(RestartRequest{Release: Release{Path: "/r3"}})
		r := g.Restart(RestartRequest{Release: Release{Path: "/r4"}})
		g.WaitRestart(t.Context(), r.ID)
		g.Restart(RestartRequest{Release: Release{Path: "/r5"}})
		s.close(t)
		events, lost, _ := s.pool.Events(0)
		var ends []string
		for i, e := range events {
			if e.Seq != uint64(i+1) || e.App != "blog" || e.At.IsZero() {
				t.Fatalf("event %d is %+v", i+1, e)
			}
			switch RestartState(e.What) {
			case RestartDone, RestartFailed, RestartSuperseded:
				ends = append(ends, e.What)
			}
		}
		if want := []string{"superseded", "superseded", "done", "failed"}; lost != 0 || !slices.Equal(ends, want) {
			t.Fatalf("the ends are %v, not %v; %d events are lost", ends, want, lost)
		}
		later, _, more := s.pool.Events(uint64(len(events)))
		if len(later) != 0 {
			t.Fatalf("%d events come twice", len(later))
		}
		select {
		case <-more:
			t.Fatal("there is said to be more")
		default:
		}
	})
}
