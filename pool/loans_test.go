package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// This file is that the owner takes what an old front says of a process as if one of its own requests had done it.

func TestAnEventStreamOfAnOldFrontFillsItsPlace(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { lent = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.was.Stream(lent)
		synctest.Wait()
		got(t, "who has room", u.is.TryAcquire(Wish{}), nil)
		u.was.EndStream(lent)
		synctest.Wait()
		u.is.Release(u.is.TryAcquire(Wish{}), Worked)
	}, alone)
}

func TestAWebSocketOfAnOldFrontFillsNoPlace(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { lent = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.was.Hold(lent)
		synctest.Wait()
		u.is.Release(u.is.TryAcquire(Wish{}), Worked)
		u.was.Drop(lent)
		synctest.Wait()
		got(t, "its connections", u.is.Snapshot().Processes[0].Connections, 0)
	}, alone)
}

func TestAnOldFrontHasAProcessReplaced(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { lent = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.was.Recycle(lent, "request_timeout passed")
		synctest.Wait()
		got(t, "its state", u.is.Snapshot().Processes[0].State, "draining")
		got(t, "what is begun", u.is.Snapshot().Processes[1].State, "spawning")
		u.was.Release(lent, Unclear)
	}, alone)
}

func TestAProcessThatAnOldFrontDoubtsIsLentLast(t *testing.T) {
	var doubted *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { doubted = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.was.Doubt(doubted)
		u.was.Release(doubted, Unanswered)
		synctest.Wait()
		p := acquired(t, u.is)
		got(t, "who is lent instead", p.number, 2)
		u.is.Release(p, Worked)
		p, _ = u.was.Acquire(t.Context(), Wish{Avoid: p})
		got(t, "who is lent to one whom that has failed", p.number, 1)
		u.was.Release(p, Worked)
	}, func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 2, 2 })
}

func TestAnOldFrontThatAvoidsAProcessIsLentAnother(t *testing.T) {
	var bad *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { bad = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.was.Release(bad, Unanswered)
		p, err := u.was.Acquire(t.Context(), Wish{Avoid: bad})
		got(t, "the error", err, nil)
		got(t, "who is lent", p.number, 2)
		u.was.Release(p, Worked)
	}, func(app *conf.App) { app.MinProcesses, app.MaxProcesses, app.Concurrency = 2, 2, 9 })
}

func TestARequestThatHangsInAnOldFrontHangsForTheOwner(t *testing.T) {
	var lent, other *Process
	var since time.Time
	afterUpgrade(t, func(t *testing.T, g *Group) {
		lent, other = acquired(t, g), acquired(t, g)
		other.Begins()
		since = g.Stuck(lent, time.Minute)
	}, func(t *testing.T, u *upgraded) {
		time.Sleep(time.Minute)
		got(t, "the condition", u.is.Snapshot().Condition, Hung)
		u.is.mu.Lock()
		got(t, "how many have not begun to be answered", u.is.state.procs[0].unanswered(), 1)
		u.is.mu.Unlock()
		u.was.Unstuck(lent, since)
		u.was.Release(lent, Worked)
		u.was.Release(other, Worked)
		other.Ends()
		synctest.Wait()
		got(t, "the condition then", u.is.Snapshot().Condition, Up)
		got(t, "what has begun", u.is.state.procs[0].begun.Load(), 0)
	}, alone, func(app *conf.App) { app.Concurrency, app.HangAfter = 2, time.Minute })
}

// Else max_requests would come to nothing where upgrades are frequent.
func TestAProcessHasAsManyRequestsBehindItAsBeforeTheUpgrade(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) {
		for range 7 {
			g.Release(acquired(t, g), Worked)
		}
		lent = acquired(t, g)
	}, func(t *testing.T, u *upgraded) {
		got(t, "what it has processed", u.is.Snapshot().Processes[0].Processed, 7)
		u.was.Release(lent, Worked)
		synctest.Wait()
		got(t, "what it has processed then", u.is.Snapshot().Processes[0].Processed, 8)
	})
}

func TestWhatAnOldFrontHasIsCountedAsLentOnce(t *testing.T) {
	afterUpgrade(t, func(t *testing.T, g *Group) {
		for range 5 {
			acquired(t, g)
		}
	}, func(t *testing.T, u *upgraded) {
		got(t, "what was processed", u.is.Snapshot().Processed, uint64(0))
		got(t, "what serves", ready(u.is), 1) // none is worn
	}, alone, func(app *conf.App) { app.Concurrency, app.MaxRequests = 9, 100 })
}

func TestAnOldFrontLearnsThatAProcessLeavesAlready(t *testing.T) {
	var lent *Process
	afterUpgrade(t, func(t *testing.T, g *Group) { lent = acquired(t, g) }, func(t *testing.T, u *upgraded) {
		u.loans.end() // it cannot be told for a while
		u.is.Detach(lent.Child().PID())
		synctest.Wait()
		u.loans = u.new.lendsTo(t, u.old)
		synctest.Wait()
		select {
		case <-lent.Leaving():
		default:
			t.Error("it does not know")
		}
	}, alone)
}

func TestARequestThatHasWaitedIsNotRefusedForAFullQueue(t *testing.T) {
	var answers chan error
	var lent *Process
	wait := func(t *testing.T, g *Group) {
		p, err := g.Acquire(t.Context(), Wish{})
		if p != nil {
			g.Release(p, Worked)
		}
		answers <- err
	}
	afterUpgrade(t, func(t *testing.T, g *Group) {
		answers = make(chan error, 9)
		lent = acquired(t, g)
		go wait(t, g)
		synctest.Wait()
	}, func(t *testing.T, u *upgraded) {
		u.loans.end()
		busy := acquired(t, u.is) // and then the queue of the owner fills up
		go wait(t, u.is)
		synctest.Wait()
		u.loans = u.new.lendsTo(t, u.old)
		synctest.Wait()
		got(t, "who waits", u.is.Snapshot().Queue, 2)
		go wait(t, u.was)
		got(t, "whether one that comes now is refused", errors.Is(<-answers, ErrQueueFull), true)
		u.was.Release(lent, Worked)
		u.is.Release(busy, Worked)
		got(t, "the first answer", <-answers, nil)
		got(t, "the second", <-answers, nil)
	}, alone, func(app *conf.App) { app.MaxQueue = 1 })
}

func TestNothingIsLentBeforeTheOwnerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := openShop(0), openShop(0)
		old.keepNotes()
		next.keepNotes()
		was := old.add("blog", alone)
		time.Sleep(2 * time.Second)
		if err := old.pool.Yield(t.Context()); err != nil {
			t.Fatal(err)
		}
		served := make(chan *Process, 1)
		go func() {
			p, _ := was.Acquire(t.Context(), Wish{})
			served <- p
		}()
		synctest.Wait()
		is := next.follows(t, old, was.App())
		loans := next.lendsTo(t, old)
		synctest.Wait()
		got(t, "what is lent", loans.borrower.Snapshot(), BorrowerSnapshot{Waiting: 1})
		is.GoOn()
		was.Release(<-served, Worked)
		synctest.Wait()
		loans.end()
		old.close(t)
		next.close(t)
	})
}

func TestEveryRefusalIsCarried(t *testing.T) {
	for _, err := range []error{ErrClosed, ErrStopped, ErrQueueFull, ErrQueueTimeout, ErrPaused} {
		got(t, "an error", carried(t, refusalOf(err)).err(), err)
	}
	failed := &StartError{App: "blog", Failure: Failure{Reason: "exited with status 1", ErrorID: "12345678"}}
	r := carried(t, refusalOf(failed))
	got(t, "a start that failed", r.err().Error(), failed.Error())
	got(t, "what a later version may say", (&Refusal{Reason: "tired"}).err(), ErrClosed)
	got(t, "nothing", (*Refusal)(nil).err(), ErrClosed)
}
