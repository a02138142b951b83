package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

func TestWhatAnOldFrontHasLentIsWaitedFor(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { lent = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		got(t, "the requests of the process", u.is.Snapshot().Processes[0].Requests, 1)
		got(t, "who has room", u.is.TryAcquire(Wish{}), nil)
		u.is.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		time.Sleep(5 * time.Second)
		got(t, "the state of the old process", u.is.Snapshot().Processes[0].State, "draining")
		u.was.Release(lent, Worked)
		time.Sleep(5 * time.Second)
		got(t, "what is left", len(u.is.Snapshot().Processes), 1)
		got(t, "its release", u.is.Snapshot().Processes[0].Release, "/r2")
	})
}

func TestAnOldFrontIsLentAProcessThatWasStartedAfterIt(t *testing.T) {
	afterUpgrade(t, func(*testing.T, *Group) {}, func(t *testing.T, u *upgraded) {
		u.is.Restart(RestartRequest{Release: Release{Path: "/r2"}})
		time.Sleep(10 * time.Second)
		p := acquired(t, u.was)
		got(t, "its generation", p.Generation(), 2)
		got(t, "whether somebody may wait for its last answer", p.Draining(), true)
		got(t, "its pid", p.Child().PID(), u.is.Snapshot().Processes[0].PID)
		got(t, "its requests", u.is.Snapshot().Processes[0].Requests, 1)
		u.was.Hold(p)
		synctest.Wait()
		got(t, "its connections", u.is.Snapshot().Processes[0].Connections, 1)
		u.is.Restart(RestartRequest{Release: Release{Path: "/r3"}})
		synctest.Wait()
		select {
		case <-p.Leaving():
			t.Error("it was told to leave before its connections had their time")
		default:
		}
		time.Sleep(70 * time.Second)
		<-p.Leaving()
		u.was.Drop(p)
		got(t, "whether it was asked to exit", p.AskedToExit(), true)
		<-u.was.Doubt(p) // it is gone
	})
}

func TestARequestThatWaitsAtTheUpgradeIsServedByTheNextOwner(t *testing.T) {
	var served chan *Process
	afterUpgrade(t, func(t *testing.T, g *Group) {
		served = make(chan *Process)
		lent := acquired(t, g)
		go func() {
			p, err := g.Acquire(t.Context(), Wish{})
			if err != nil {
				t.Error(err)
			}
			served <- p
		}()
		synctest.Wait()
		time.AfterFunc(3*time.Second, func() { g.Release(lent, Worked) })
	}, func(t *testing.T, u *upgraded) {
		got(t, "the queue of the owner", u.is.Snapshot().Queue, 1)
		began := time.Now()
		p := <-served
		got(t, "how long it has waited since", time.Since(began), 3*time.Second)
		u.was.Release(p, Worked)
	}, alone)
}

// alone is an app of one process at most.
func alone(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 }

func TestARequestOfAnOldFrontKeepsItsTimeInTheQueue(t *testing.T) {
	var refused chan time.Duration
	afterUpgrade(t, func(t *testing.T, g *Group) {
		refused = make(chan time.Duration)
		acquired(t, g)
		began := time.Now()
		go func() {
			if _, err := g.Acquire(t.Context(), Wish{}); !errors.Is(err, ErrQueueTimeout) {
				t.Errorf("it got %v", err)
			}
			refused <- time.Since(began)
		}()
		time.Sleep(4 * time.Second)
	}, func(t *testing.T, u *upgraded) {
		got(t, "how long it waits in all", <-refused, 10*time.Second)
		synctest.Wait()
		got(t, "who waits", u.is.Snapshot().Queue, 0)
	}, alone, func(app *conf.App) { app.QueueTimeout = 10 * time.Second })
}

func TestWhatArrivesForARequestThatHasLeftGoesBack(t *testing.T) {
	afterUpgrade(t, func(*testing.T, *Group) {}, func(t *testing.T, u *upgraded) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := u.was.Acquire(ctx, Wish{})
		got(t, "its error", errors.Is(err, context.Canceled), true)
		synctest.Wait()
		got(t, "what is lent", u.loans.borrower.Snapshot(), BorrowerSnapshot{})
		s := u.is.Snapshot()
		got(t, "its requests", s.Processes[0].Requests, 0)
		got(t, "what it has processed", s.Processed, uint64(0))
	})
}

func TestWhenAnOldFrontIsGoneItsLoansEnd(t *testing.T) {
	afterUpgrade(t, func(t *testing.T, g *Group) {
		g.Hold(acquired(t, g))
		acquired(t, g)
		go g.Acquire(t.Context(), Wish{})
	}, func(t *testing.T, u *upgraded) {
		got(t, "what is lent", u.loans.borrower.Snapshot(), BorrowerSnapshot{Requests: 1, Connections: 1, Waiting: 1})
		u.loans.end()
		got(t, "what is lent then", u.loans.borrower.Snapshot(), BorrowerSnapshot{})
		s := u.is.Snapshot()
		got(t, "its requests", s.Processes[0].Requests, 0)
		got(t, "its connections", s.Processes[0].Connections, 0)
		got(t, "who waits", s.Queue, 0)
		u.loans = u.new.lendsTo(t, u.old)
	}, alone)
}

func TestWhenTheOwnerDiesTheNextLends(t *testing.T) {
	var served chan *Process
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) {
		served = make(chan *Process, 1)
		lent = acquired(t, g)
		go func() {
			p, _ := g.Acquire(t.Context(), Wish{})
			served <- p
		}()
		synctest.Wait()
	}, func(t *testing.T, u *upgraded) {
		u.loans.end() // it is killed, and what it has decided is noted
		if err := u.new.pool.Yield(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := u.new.pool.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		next := openShop(0)
		next.keepNotes()
		u.is = next.follows(t, u.new, u.is.App())
		u.new = next
		u.loans = next.lendsTo(t, u.old)
		u.is.GoOn()
		synctest.Wait()
		got(t, "its requests", u.is.Snapshot().Processes[0].Requests, 1)
		got(t, "who waits", u.is.Snapshot().Queue, 1)
		u.was.Release(lent, Worked)
		u.was.Release(<-served, Worked)
		synctest.Wait()
		got(t, "its requests in the end", u.is.Snapshot().Processes[0].Requests, 0)
	}, alone)
}

func TestAnOwnerThatYieldsPassesOnOnlyWhatItHasItself(t *testing.T) {
	var first *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { first = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		second := acquired(t, u.is)
		third := u.new.upgrade(t, u.is, u.loans.end)
		got(t, "what the second front has", third.loans.borrower.Snapshot().Requests, 1)
		again := third.new.lendsTo(t, u.old)
		got(t, "what the first has", again.borrower.Snapshot().Requests, 1)
		got(t, "what there is", third.is.Snapshot().Processes[0].Requests, 2)
		u.was.Release(first, Worked)
		u.is.Release(second, Worked)
		synctest.Wait()
		got(t, "what is left", third.is.Snapshot().Processes[0].Requests, 0)
		again.end()
		third.loans.end()
		third.new.close(t)
	}, alone, func(app *conf.App) { app.Concurrency = 2 })
}

func TestOperatorsOfAYieldedPoolAreToldWhoToAsk(t *testing.T) {
	var running RestartSnapshot
	afterUpgrade(t, func(t *testing.T, g *Group) { running = g.Restart(RestartRequest{Release: Release{Path: "/r2"}}) }, func(t *testing.T, u *upgraded) {
		failed := u.was.Restart(RestartRequest{Release: Release{Path: "/r3"}})
		got(t, "the restart", failed.State, RestartFailed)
		got(t, "why", failed.Failure.Reason, ErrYielded.Error())
		_, rolledBack := u.was.Rollback("", "")
		_, promoted := u.was.Promote()
		_, waited := u.was.WaitRestart(t.Context(), running.ID)
		for what, err := range map[string]error{"rollback": rolledBack, "promote": promoted, "wait": waited, "canary": u.was.CheckCanary(conf.Amount{Count: 1}),
			"stop": u.was.Stop(t.Context()), "close": u.was.Close(t.Context())} {
			got(t, what, err, ErrYielded)
		}
		got(t, "whether a process is replaced", u.was.Detach(u.was.Snapshot().Processes[0].PID), false)
		got(t, "the condition", u.was.Snapshot().Condition, Restarting)
		done, err := u.is.WaitRestart(t.Context(), running.ID)
		got(t, "the error", err, nil)
		got(t, "the restart in the end", done.State, RestartDone)
	})
}

func TestAProcessThatGetsReadyAsThePoolYieldsIsLeftToTheNextOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(0)
		s.keepNotes()
		g := s.pool.Add(conf.App{Name: "blog", MinProcesses: 1, MaxProcesses: 1, Concurrency: 1}, Release{Path: "/r1"}, func(ctx context.Context, o Order) (Child, error) {
			<-ctx.Done() // it is given up a moment too late
			return &madeChild{order: o, exit: make(chan error), yielded: make(chan struct{})}, nil
		})
		synctest.Wait()
		got(t, "the error", s.pool.Yield(t.Context()), nil)
		note := s.notes["blog"]
		got(t, "whether the next owner takes it for ready", note.Processes[0].booted, false)
		got(t, "who serves", g.TryAcquire(Wish{}), nil)
		s.close(t)
	})
}

// TestHammerYield has many requests come while a pool yields, and go on in both fronts.
func TestHammerYield(t *testing.T) {
	old, next := openShop(0), openShop(0)
	old.keepNotes()
	next.keepNotes()
	was := old.pool.Add(conf.App{Name: "blog", MinProcesses: 3, MaxProcesses: 3, Concurrency: 2, StopTimeout: time.Minute}, Release{Path: "/r1"}, old.spawnNow)
	var fronts [2]atomic.Pointer[Group]
	fronts[0].Store(was)
	fronts[1].Store(was)
	over := make(chan struct{})
	var visitors sync.WaitGroup
	for i := range 8 {
		visitors.Go(func() { keepComing(t, &fronts[i%2], i, over) })
	}
	time.Sleep(20 * time.Millisecond)
	if err := old.pool.Yield(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := next.follows(t, old, was.App())
	loans := next.lendsTo(t, old)
	is.GoOn()
	fronts[1].Store(is)
	time.Sleep(50 * time.Millisecond)
	loans.end()
	loans = next.lendsTo(t, old)
	time.Sleep(50 * time.Millisecond)
	close(over)
	visitors.Wait()
	for deadline := time.Now().Add(10 * time.Second); loans.borrower.Snapshot() != (BorrowerSnapshot{}); {
		if time.Now().After(deadline) {
			t.Fatalf("the old front has %+v left", loans.borrower.Snapshot())
		}
	}
	for _, p := range is.Snapshot().Processes {
		got(t, "requests", p.Requests, 0)
		got(t, "connections", p.Connections, 0)
	}
	loans.end()
	old.close(t)
	next.close(t)
}

// keepComing is one request after the other until over is closed. Some have no patience, and some become connections.
func keepComing(t *testing.T, at *atomic.Pointer[Group], kind int, over <-chan struct{}) {
	for n := kind; ; n++ {
		select {
		case <-over:
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n%7+1)*time.Millisecond)
		g := at.Load()
		p, err := g.Acquire(ctx, Wish{})
		switch {
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			t.Error(err)
		case err != nil:
		case n%3 == 0:
			g.Hold(p)
			g.Drop(p)
		case n%3 == 1:
			g.Stream(p)
			g.EndStream(p)
		default:
			g.Release(p, Worked)
		}
		cancel()
	}
}
