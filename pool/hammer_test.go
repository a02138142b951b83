package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"purser/conf"
)

// TestHammer has everything happen at once, for the race detector. Nothing may get lost.
func TestHammer(t *testing.T) {
	s := openShop(5)
	blog := s.pool.Add(hammered("blog", 2), Release{Path: "/r1"}, s.spawnNow)
	shopping := s.pool.Add(hammered("shop", conf.Unlimited), Release{Path: "/r1"}, s.spawnNow)
	var visitors sync.WaitGroup
	for _, g := range []*Group{blog, shopping} {
		for range 4 {
			visitors.Go(func() { hammer(t, g) })
		}
		visitors.Go(func() {
			for range 20 {
				r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}, Settle: time.Duration(rand.IntN(3)) * time.Millisecond})
				g.WaitRestart(t.Context(), r.ID)
				s.killOne()
				g.Snapshot()
			}
		})
	}
	visitors.Wait()
	for _, g := range []*Group{blog, shopping} {
		for _, p := range g.Snapshot().Processes {
			if p.Requests+p.Connections > 0 {
				t.Errorf("process %d of %s has a load at the end: %+v", p.PID, g.Name(), p)
			}
		}
	}
	s.close(t)
}

func hammered(name string, concurrency int) conf.App {
	return conf.App{
		Name: name, MinProcesses: 2, MaxProcesses: 4, Concurrency: concurrency, MaxRequests: 500,
		DrainTimeout: time.Minute, WebsocketDrainTimeout: time.Minute, StopTimeout: time.Minute, IdleTimeout: 10 * time.Millisecond,
		Restart: conf.Restart{Surge: conf.Amount{Count: 2}, ResistDeploymentErrors: true},
	}
}

func hammer(t *testing.T, g *Group) {
	var last *Process
	for i := range 3000 {
		p, err := g.Acquire(t.Context(), Wish{Avoid: last})
		last = p
		switch {
		case err != nil:
			t.Errorf("request %d of %s got %v", i, g.Name(), err)
			return
		case i%100 == 0:
			g.Hold(p)
			g.Drop(p)
		case i%100 == 50:
			g.Stream(p)
			g.EndStream(p)
		case i%300 == 2:
			p.Begins()
			g.Unstuck(p, g.Stuck(p, time.Minute))
			g.Release(p, Unanswered)
			p.Ends()
		case i%500 == 1:
			g.Recycle(p, "test")
			g.Release(p, Worked)
		default:
			g.Release(p, Worked)
		}
	}
}

func (s *shop) spawnNow(_ context.Context, o Order) (Child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &madeChild{order: o, pid: int(s.pids.Add(1)), exit: make(chan error, 1), yielded: make(chan struct{})}
	s.children = append(s.children, c)
	return quickChild{c}, nil
}

// A quickChild stops at once.
type quickChild struct{ *madeChild }

func (c quickChild) Stop() {
	c.stops.Add(1)
	c.die(nil)
}

// killOne has some child die, if it lives.
func (s *shop) killOne() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children[rand.IntN(len(s.children))].die(errors.New("killed by signal KILL"))
}
