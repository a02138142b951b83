package pool

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// This file is upgrades in a bubble: fronts that follow one another, each with a shop of its own.

// A wire carries what two fronts say to one another, in order, as a socket would.
type wire struct {
	t     *testing.T
	mu    sync.Mutex
	said  []func()
	ended bool
	wake  chan struct{}
	done  chan struct{}
}

func newWire(t *testing.T) *wire {
	w := &wire{t: t, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.carry()
	return w
}

func (w *wire) put(say func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, say)
	w.stir()
}

func (w *wire) stir() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *wire) carry() {
	defer close(w.done)
	for range w.wake {
		w.mu.Lock()
		said, ended := w.said, w.ended
		w.said = nil
		w.mu.Unlock()
		if ended {
			return
		}
		for _, say := range said {
			say()
		}
	}
}

// cut ends it. What is under way is lost.
func (w *wire) cut() {
	w.mu.Lock()
	w.ended = true
	w.stir()
	w.mu.Unlock()
	<-w.done
}

// carried is a message as it arrives at the other end.
func carried[M any](t *testing.T, m M) (arrived M) {
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &arrived)
	}
	if err != nil {
		t.Errorf("cannot carry %+v: %v", m, err)
	}
	return arrived
}

// A farChild is what an old front knows of a process that it borrows.
type farChild struct {
	Child
	pid int
}

func (c farChild) PID() int { return c.pid }

// A loaned is what one front borrows of another.
type loaned struct {
	wires    [2]*wire
	lender   *Lender
	borrower *Borrower
}

// lendsTo connects a front that has yielded with the owner.
func (s *shop) lendsTo(t *testing.T, old *shop) *loaned {
	c := &loaned{wires: [2]*wire{newWire(t), newWire(t)}}
	ready := make(chan struct{})
	c.borrower = s.pool.LendTo(func(m ToBorrower) {
		arrived, child := carried(t, m), m.Child
		if child != nil {
			arrived.Child = farChild{pid: child.PID()}
		}
		c.wires[0].put(func() { <-ready; c.lender.Hear(arrived) })
	})
	c.lender = old.pool.BorrowFrom(func(m ToOwner) {
		arrived := carried(t, m)
		c.wires[1].put(func() { c.borrower.Hear(arrived) })
	})
	close(ready)
	<-c.borrower.Declared()
	return c
}

// end cuts it, at the death of either.
func (c *loaned) end() {
	c.wires[0].cut()
	c.wires[1].cut()
	c.lender.End()
	c.borrower.End()
}

// keepNotes has the shop's pool note what it decides.
func (s *shop) keepNotes() {
	s.notes = map[string]Note{}
	s.pool.NoteTo(func(app string, n Note) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notes[app] = n
	})
}

// follows is a shop whose pool owns what that of another did, which has yielded. It does not go on yet.
func (s *shop) follows(t *testing.T, old *shop, app conf.App) *Group {
	t.Helper()
	old.mu.Lock()
	defer old.mu.Unlock()
	note, err := ReadNote(old.notes[app.Name].Text())
	if err != nil {
		t.Fatal(err)
	}
	s.notes[app.Name] = note
	s.pids.Store(old.pids.Load())
	s.children = slices.Clone(old.children)
	return s.pool.Adopt(app, note, func(o Order, ready bool) Child {
		for _, c := range old.children {
			if c.order.Process == o.Process && !c.dead.Load() {
				c.yielded = make(chan struct{})
				return c
			}
		}
		return nil
	}, s.spawn)
}

// An upgraded is an app of which an old front borrows from the owner.
type upgraded struct {
	t        *testing.T
	old, new *shop
	was, is  *Group
	loans    *loaned
}

// upgrade has a shop yield to another. Meanwhile is what happens while there is no owner.
func (s *shop) upgrade(t *testing.T, g *Group, meanwhile func()) *upgraded {
	t.Helper()
	u := &upgraded{t: t, old: s, new: openShop(0), was: g}
	if err := s.pool.Yield(t.Context()); err != nil {
		t.Fatal(err)
	}
	meanwhile()
	u.new.keepNotes()
	u.is = u.new.follows(t, s, g.App())
	u.loans = u.new.lendsTo(t, s)
	u.is.GoOn()
	synctest.Wait()
	return u
}

// upgraded plays a test with an app that has been upgraded.
func afterUpgrade(t *testing.T, before func(t *testing.T, g *Group), play func(t *testing.T, u *upgraded), change ...func(*conf.App)) {
	synctest.Test(t, func(t *testing.T) {
		old := openShop(0)
		old.keepNotes()
		g := old.add("blog", change...)
		time.Sleep(2 * time.Second)
		before(t, g)
		u := old.upgrade(t, g, func() {})
		defer func() {
			u.loans.end()
			u.old.close(t)
			u.new.close(t)
		}()
		play(t, u)
	})
}
