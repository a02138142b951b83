package upstream

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// together asks at the same time, so that each has a link of its own, and ends them one after the other.
func (a *app) together(n int) {
	a.t.Helper()
	asks := make([]Ask, n)
	for i := range asks {
		if err := asks[i].Do(a.way, a.get()); err != nil {
			a.t.Fatal(err)
		}
	}
	for i := range asks {
		if _, err := whole(&asks[i]); err != nil {
			a.t.Fatal(err)
		}
		asks[i].End()
	}
}

func TestLinkThatWasUsedLastIsUsedNext(t *testing.T) {
	a := run(t, func(l *appLink) {
		for head, _ := l.request(); head != ""; head, _ = l.request() {
			l.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", l.number)
		}
	})
	a.together(3)
	for range 3 {
		a.expect(a.get(), 200, "3")
	}
	if a.idle() != 3 || a.opened.Load() != 3 {
		t.Errorf("%d links are idle of %d, want 3 of 3", a.idle(), a.opened.Load())
	}
}

func TestLinkThatTheAppClosedIsNoticed(t *testing.T) {
	closed := make(chan struct{}, 1)
	a := run(t, func(l *appLink) {
		l.request()
		l.send(ok)
		_ = l.Close()
		closed <- struct{}{}
	})
	for range 3 {
		a.expect(a.get(), 200, "ok")
		<-closed
	}
}

func TestLinkOnWhichTheAppSpokeOutOfTurnIsNotUsed(t *testing.T) {
	spoken, goOn := make(chan struct{}), make(chan struct{})
	a := run(t, func(l *appLink) {
		l.request()
		l.send(ok)
		if l.number == 1 {
			<-goOn
			l.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			close(spoken)
		}
		l.request()
	})
	a.expect(a.get(), 200, "ok")
	close(goOn)
	<-spoken
	a.expect(a.get(), 200, "ok")
}

// What cannot be sent twice goes on a link of its own; there are never more than were in use at once.
func TestWhatIsNotIdempotentHasANewLink(t *testing.T) {
	a := run(t, replying(ok))
	a.expect(a.post(), 200, "ok") // it is kept: there was none
	a.expect(a.get(), 200, "ok")
	for i := range 3 {
		a.expect(a.post(), 200, "ok")
		if opened := int(a.opened.Load()); opened != i+2 || a.idle() != 1 {
			t.Errorf("%d links were opened and %d are idle, want %d and 1", opened, a.idle(), i+2)
		}
	}
}

func TestAskedForAFreshLinkItIsOne(t *testing.T) {
	a := run(t, replying(ok))
	a.expect(a.get(), 200, "ok")
	r := a.get()
	r.Fresh = true
	a.expect(r, 200, "ok")
	if a.opened.Load() != 2 {
		t.Errorf("%d links were opened, want 2", a.opened.Load())
	}
}

func TestWayThatIsClosedKeepsNothing(t *testing.T) {
	a := run(t, replying(ok))
	a.together(3)
	var under Ask // way when it is closed
	if err := under.Do(a.way, a.get()); err != nil {
		t.Fatal(err)
	}
	a.way.CloseIdle()
	if _, err := whole(&under); err != nil {
		t.Error(err)
	}
	under.End()
	if a.idle() != 0 {
		t.Errorf("%d links are idle", a.idle())
	}
	if a.way.take() != nil {
		t.Error("a link was to be had")
	}
	if armed := a.sweeper.Deadlines(); len(armed) != 0 {
		t.Errorf("deadlines are armed: %v", armed)
	}
}

func TestLinksThatNobodyUsesAreClosed(t *testing.T) {
	a := run(t, replying(ok))
	a.together(3)
	a.way.mu.Lock()
	a.way.idle[0].used -= 2 * int64(idleLink)
	a.way.idle[1].used -= int64(idleLink) + 1
	a.way.mu.Unlock()
	a.way.prune()
	if a.idle() != 1 || a.way.pruner == nil {
		t.Errorf("%d links are left, want 1, and another look at it", a.idle())
	}
	a.way.idle[0].used -= 2 * int64(idleLink)
	a.way.prune()
	if a.idle() != 0 || a.way.pruner != nil {
		t.Errorf("%d links are left, want none, and no look at none", a.idle())
	}
	a.expect(a.get(), 200, "ok") // and it begins anew
	if a.way.pruner == nil {
		t.Error("nobody will look at the next link")
	}
}

func TestWayThatCannotBeGone(t *testing.T) {
	a := run(t, replying(ok))
	nowhere := New("unix", filepath.Join(t.TempDir(), "none"))
	var ask Ask
	if err := ask.Do(nowhere, a.get()); !errors.Is(err, ErrRefused) {
		t.Errorf("nobody listens: got %v, want %v", err, ErrRefused)
	}
	ask.End()
	r := a.get()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Terms.Context = ctx
	if err := ask.Do(New("tcp", "127.0.0.1:1"), r); !errors.Is(err, ErrNoLink) {
		t.Errorf("the server has ended: got %v, want %v", err, ErrNoLink)
	}
	ask.End()
}

// The last descriptors are kept for others.
func TestLinkThatWouldTakeOneOfTheLastDescriptorsIsNotOpened(t *testing.T) {
	a := run(t, replying(ok))
	r := a.get()
	r.Terms.Kept = func(uintptr) bool { return true }
	var ask Ask
	if err := ask.Do(a.way, r); !errors.Is(err, ErrNoLink) || !errors.Is(err, unix.EMFILE) || ask.Link() != nil {
		t.Errorf("got %v with link %v, want %v", err, ask.Link(), ErrNoLink)
	}
	ask.End()
	a.expect(a.get(), 200, "ok")
}
