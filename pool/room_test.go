package pool

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// crash ends a ready process of a group, as if it had crashed after it was used.
func (s *shop) crash(t *testing.T, g *Group) {
	t.Helper()
	g.Release(acquired(t, g), Worked)
	for _, p := range g.Snapshot().Processes {
		s.mu.Lock()
		for _, c := range s.children {
			if c.pid == p.PID {
				c.die(fmt.Errorf("exited with status 1"))
			}
		}
		s.mu.Unlock()
	}
	synctest.Wait()
}

// What min_processes of an app are is kept for it, however hungry another one is.
func TestMinOfAnAppIsKeptForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(3)
		defer s.close(t)
		hungry := s.add("hungry", func(app *conf.App) { app.MaxProcesses = 4 })
		crashing := s.add("crashing")
		busy := []*Process{acquired(t, hungry), acquired(t, hungry)}
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, hungry) }()
		for range 5 {
			s.crash(t, crashing)
			for range 20 {
				time.Sleep(100 * time.Millisecond)
				if n := alive(hungry); n > 2 {
					t.Fatalf("the hungry app has %d processes: one was kept for the other", n)
				}
			}
			got(t, "what the crashing app has", ready(crashing), 1)
		}
		hungry.Release(busy[0], Worked)
		hungry.Release(<-waiting, Worked)
		hungry.Release(busy[1], Worked)
	})
}

// A process that is never idle, as it has a WebSocket or always something to do, makes room, too.
func TestAppWithoutAProcessGetsTheRoomOfABusyOne(t *testing.T) {
	for name, occupy := range map[string]func(*Group, *Process) (leave func()){
		"requests":   func(g *Group, p *Process) func() { return func() { g.Release(p, Worked) } },
		"WebSockets": func(g *Group, p *Process) func() { g.Hold(p); return func() { g.Drop(p) } },
	} {
		t.Run(name, func(t *testing.T) {
			capped(t, 2, func(t *testing.T, s *shop, a, b *Group) {
				one, two := acquired(t, a), acquired(t, a)
				leaveOne, leaveTwo := occupy(a, one), occupy(a, two)
				waiting := make(chan *Process)
				go func() { waiting <- acquired(t, b) }()
				time.Sleep(2 * turnTime)
				got(t, "what of a is ready", ready(a), 1)
				leaveOne()
				leaveTwo()
				b.Release(<-waiting, Worked)
			})
		})
	}
}

// Where the cap is smaller than what all apps need, they take turns.
func TestAppsTakeTurnsUnderACapThatIsTooSmall(t *testing.T) {
	capped(t, 1, func(t *testing.T, s *shop, a, b *Group) {
		var visitors sync.WaitGroup
		end := time.Now().Add(2 * time.Minute)
		for _, g := range []*Group{a, b} {
			for range 2 { // there is always one who waits
				visitors.Go(func() {
					for time.Now().Before(end) {
						p := acquired(t, g)
						time.Sleep(100 * time.Millisecond)
						g.Release(p, Worked)
					}
				})
			}
		}
		visitors.Wait()
		for _, g := range []*Group{a, b} {
			if served := g.Snapshot().Processed; served < 200 {
				t.Errorf("%s served %d requests in two minutes", g.Name(), served)
			}
		}
	})
}

// Who waits is asked for again until there is somebody who can make room, whoever that is by then.
func TestManyAppsWaitForRoomAndAllGetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(3)
		defer s.close(t)
		var groups []*Group
		done := make(chan bool)
		for i := range 30 {
			g := s.add(fmt.Sprintf("app%d", i), func(app *conf.App) { app.MinProcesses = 0 })
			groups = append(groups, g)
			go func() {
				g.Release(acquired(t, g), Worked)
				done <- true
			}()
		}
		for range groups {
			<-done
		}
		if n := alive(groups...); n > 3 {
			t.Errorf("%d processes are alive, the cap is 3", n)
		}
	})
}
