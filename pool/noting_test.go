package pool

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// A noteKeeper keeps notes. It can be made slow.
type noteKeeper struct {
	mu    sync.Mutex
	notes []Note
	slow  chan struct{} // each note waits for it; nil = none does
}

func (k *noteKeeper) keep(_ string, n Note) {
	k.mu.Lock()
	slow := k.slow
	k.mu.Unlock()
	if slow != nil {
		<-slow
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.notes = append(k.notes, n)
}

func (k *noteKeeper) setSlow(slow chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slow = slow
}

func (k *noteKeeper) last() Note {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.notes[len(k.notes)-1]
}

// withNotes plays a test with a pool whose notes are kept.
func withNotes(t *testing.T, play func(t *testing.T, s *shop, k *noteKeeper)) {
	in(t, func(t *testing.T, s *shop) {
		k := &noteKeeper{}
		s.pool.NoteTo(k.keep)
		play(t, s, k)
	})
}

func TestAProcessIsNotedBeforeItIsSpawned(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		spawned := make(chan Note, 1)
		s.pool.Add(conf.App{Name: "blog", MinProcesses: 1, MaxProcesses: 2, Concurrency: 1, StopTimeout: time.Minute}, Release{Path: "/r1"},
			func(ctx context.Context, o Order) (Child, error) {
				spawned <- k.last()
				return s.spawn(ctx, o)
			})
		if n := <-spawned; len(n.Processes) != 1 || n.Processes[0].state != Spawning {
			t.Errorf("what was noted is %+v", n)
		}
	})
}

func TestWhoKeepsNotesSlowlyHoldsUpNoRequest(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog", func(app *conf.App) { app.MaxProcesses = 3 })
		g.Release(acquired(t, g), Worked)
		synctest.Wait()
		slow := make(chan struct{})
		k.setSlow(slow)
		first := acquired(t, g)
		waits := make(chan *Process)
		go func() { waits <- acquired(t, g) }() // has another process spawned, for which it has to wait
		synctest.Wait()
		before := len(s.spawned())
		g.Release(first, Worked)
		p := <-waits // yet the first that is free serves it
		got(t, "how many were spawned meanwhile", len(s.spawned()), before)
		g.Release(p, Worked)
		got(t, "who serves", acquired(t, g), p)
		g.Release(p, Worked)
		k.setSlow(nil)
		close(slow)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		got(t, "how many are spawned then", len(s.spawned()), before+1)
	})
}

func TestARestartIsNotedBeforeAnybodyIsToldThatItHasBegun(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		if n := k.last(); !slices.ContainsFunc(n.Restarts, func(noted notedRestart) bool { return noted.ID == r.ID }) {
			t.Errorf("what was noted is %+v", n.Restarts)
		}
		last, err := g.WaitRestart(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		n := k.last()
		got(t, "what is noted of its end", n.Restarts[len(n.Restarts)-1].State, last.State)
	})
}

func TestNothingIsNotedWhileNothingChanges(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		synctest.Wait()
		before := len(k.notes)
		for range 100 {
			g.Release(acquired(t, g), Worked)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		got(t, "how many notes there are", len(k.notes), before)
	})
}

func TestNothingIsToBeKeptOfAGroupThatIsRemoved(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		got(t, "whether its end is noted", k.last().Stopped, true)
		got(t, "the processes that are noted", len(k.last().Processes), 0)
		s.pool.Remove(g)
		got(t, "the length of what is kept", len(k.last().Text()), 0)
	})
}

// spawned returns the children so far.
func (s *shop) spawned() []*madeChild {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.children)
}

// adopts has a new pool go on with the app of one that is as good as dead: nothing is told to it any more.
func (s *shop) adopts(t *testing.T, g *Group, text []byte) (*Group, *shop) {
	note, err := ReadNote(text)
	if err != nil {
		t.Fatal(err)
	}
	next := openShop(0)
	adopted := next.pool.Adopt(g.App(), note, func(o Order, ready bool) Child {
		for _, c := range s.spawned() {
			if c.order.Process == o.Process {
				if o.Generation != c.order.Generation || o.Release.Path != c.order.Release.Path {
					t.Errorf("%+v is asked for, and was %+v", o, c.order)
				}
				again := &madeChild{order: o, pid: c.pid, exit: make(chan error, 1)}
				next.children = append(next.children, again)
				return again
			}
		}
		return nil
	}, next.spawn)
	adopted.GoOn()
	return adopted, next
}

func TestAGroupGoesOnInTheNextPool(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		r := g.Restart(RestartRequest{Release: Release{Path: "/r2"}, Reason: "deploy"})
		synctest.Wait()
		next, nextShop := s.adopts(t, g, k.last().Text())
		defer nextShop.close(t)
		p := acquired(t, next) // at once
		got(t, "the generation that serves", p.Generation(), 1)
		next.Release(p, Worked)
		last, err := next.WaitRestart(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		got(t, "how the restart ended", last.State, RestartDone)
		got(t, "why it was", last.Reason, "deploy")
		p = acquired(t, next)
		got(t, "the generation that serves", p.Generation(), 2)
		next.Release(p, Worked)
	})
}

func TestAnAppThatWasStoppedIsAdoptedAsThat(t *testing.T) {
	withNotes(t, func(t *testing.T, s *shop, k *noteKeeper) {
		g := s.add("blog")
		g.Release(acquired(t, g), Worked)
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		next, nextShop := s.adopts(t, g, k.last().Text())
		defer nextShop.close(t)
		got(t, "its condition", next.Snapshot().Condition, Stopped)
		if _, err := next.Acquire(t.Context(), Wish{}); err != ErrStopped {
			t.Errorf("a request is told %v", err)
		}
	})
}
