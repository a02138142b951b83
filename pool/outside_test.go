package pool

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// held has every process of an app keep a long-lived connection, and returns what ends them all.
func held(t *testing.T, g *Group, n int) (drop func()) {
	t.Helper()
	var procs []*Process
	for range n {
		procs = append(procs, acquired(t, g))
	}
	for _, p := range procs {
		g.Hold(p)
	}
	return func() {
		for _, p := range procs {
			g.Drop(p)
		}
	}
}

func two(app *conf.App) {
	app.MinProcesses, app.WebsocketDrainTimeout, app.Restart.MaxOldGenerations = 2, time.Hour, 5
}

func TestConnectionsUnderACapHoldNoRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(2)
		defer s.close(t)
		blog := s.add("blog", two)
		drop := held(t, blog, 2)
		for range 2 {
			begun := blog.Restart(RestartRequest{Release: Release{Path: "/r2"}})
			time.Sleep(10 * time.Second)
			if r, _ := s.pool.Restart(begun.ID); r.State != RestartDone {
				t.Fatalf("the restart is %s", r.State)
			}
			got(t, "what serves", ready(blog), 2)
		}
		drop()
		time.Sleep(time.Minute)
		got(t, "what lives", alive(blog), 2)
		got(t, "what the cap counts", s.pool.slots.taken, 2)
	})
}

// What an app keeps that was stopped is there for the one that comes in its place, whatever its visitors do.
func TestAppThatGoesLeavesItsRoomUnderACap(t *testing.T) {
	for name, occupy := range map[string]func(*testing.T, *Group) func(){
		"connections": func(t *testing.T, g *Group) func() { return held(t, g, 2) },
		"requests": func(t *testing.T, g *Group) func() {
			one, two := acquired(t, g), acquired(t, g)
			return func() { g.Release(one, Worked); g.Release(two, Worked) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openShop(2)
				defer s.close(t)
				old := s.add("old", two)
				leave := occupy(t, old)
				var gone sync.WaitGroup
				gone.Go(func() { _ = old.Stop(context.Background()); s.pool.Remove(old) })
				synctest.Wait()
				next := s.add("next", two)
				time.Sleep(5 * time.Second)
				got(t, "what serves of the next", ready(next), 2)
				got(t, "what lives of the old", alive(old), 2)
				leave()
				gone.Wait()
				got(t, "what the cap counts", s.pool.slots.taken, 2)
			})
		})
	}
}

// Nothing is kept for an app that is stopped, whatever size it is to have when it starts.
func TestStoppedAppKeepsNoRoomUnderACap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(2)
		defer s.close(t)
		old, next := s.add("old"), s.add("next")
		_ = old.Stop(t.Context())
		app := old.App()
		app.MaxProcesses = 1
		old.Configure(app, 0)
		one := acquired(t, next)
		more := acquired(t, next)
		next.Release(one, Worked)
		next.Release(more, Worked)
	})
}

// It has given its slot back already: what another app waits for is the room of the process that has one.
func TestWhatIsKeptForARollbackWithoutASlotMakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(1)
		defer s.close(t)
		none := func(app *conf.App) { app.MinProcesses = 0 }
		blog := s.add("blog", two, none, func(app *conf.App) { app.Restart.RollbackWindow = time.Hour })
		shop := s.add("shop", none)
		drop := held(t, blog, 1)
		blog.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		time.Sleep(10 * time.Second)
		blog.Release(acquired(t, blog), Worked)
		drop()
		time.Sleep(time.Minute)
		got(t, "what blog keeps and what serves", alive(blog), 2)
		patience, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		p, err := shop.Acquire(patience, Wish{})
		if err != nil {
			t.Fatal("it waits for ever: ", err)
		}
		shop.Release(p, Worked)
	})
}
