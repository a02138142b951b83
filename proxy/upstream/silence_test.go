package upstream

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// A watcher counts how often it is told that nothing has come.
type watcher struct{ told atomic.Int32 }

func (w *watcher) Silent() { w.told.Add(1) }

// silently is an app that reads a request, sends the beginning of an answer, and the rest when it may.
func silently(t *testing.T, begins, rest string) (a *app, goOn func()) {
	may := make(chan struct{})
	a = run(t, func(l *appLink) {
		l.request()
		l.send("%s", begins)
		<-may
		l.send("%s", rest)
		_, _ = io.Copy(io.Discard, l.Conn)
	})
	return a, func() { close(may) }
}

// begin asks in the background.
func (a *app) begin(r *Request) (ended <-chan error) {
	done := make(chan error, 1)
	go func() { _, _, err := a.ask(r); done <- err }()
	return done
}

// passes lets so much time pass.
func (a *app) passes(d time.Duration) { a.sweeper.Sweep(a.sweeper.Clock.In(d)) }

func TestWatcherIsToldOnceThatNothingHasCome(t *testing.T) {
	for name, limit := range map[string]time.Duration{"without a limit": 0, "with a limit": 30 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			a, goOn := silently(t, "", ok)
			r, w := a.get(), &watcher{}
			r.Watcher, r.Terms.Silence, r.Terms.Limit = w, 5*time.Minute, limit
			ended := a.begin(r)
			a.until("it is told", func() bool { a.passes(6 * time.Minute); return w.told.Load() > 0 })
			a.passes(20 * time.Minute)
			goOn()
			if err := <-ended; err != nil || w.told.Load() != 1 {
				t.Errorf("got %v, and it was told %d times", err, w.told.Load())
			}
		})
	}
}

func TestLimitStillHoldsAfterTheWatcherWasTold(t *testing.T) {
	a, goOn := silently(t, "", "")
	defer goOn()
	r, w := a.get(), &watcher{}
	r.Watcher, r.Terms.Silence, r.Terms.Limit = w, 5*time.Minute, 30*time.Minute
	ended := a.begin(r)
	a.until("it is told", func() bool { a.passes(6 * time.Minute); return w.told.Load() > 0 })
	a.until("it ends", func() bool { a.later(); return len(ended) > 0 })
	if err := <-ended; !errors.Is(err, ErrSlow) {
		t.Errorf("got %v, want %v", err, ErrSlow)
	}
}

// What has begun to come is for other limits, and a limit that is shorter comes first.
func TestWatcherIsNotToldOfWhatHasBegun(t *testing.T) {
	for name, test := range map[string]struct {
		begins string
		limit  time.Duration
	}{
		"the beginning of a head": {"HTTP/1.1 200 OK\r\n", 30 * time.Minute},
		"an interim answer":       {"HTTP/1.1 103 Early Hints\r\n\r\n", 30 * time.Minute},
		"a shorter limit":         {"", 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			a, goOn := silently(t, test.begins, "")
			defer goOn()
			r, w := a.get(), &watcher{}
			r.Watcher, r.Terms.Silence, r.Terms.Limit = w, 5*time.Minute, test.limit
			ended := a.begin(r)
			a.until("only the limit is left", func() bool {
				d := a.sweeper.Deadlines()
				return len(d) == 1 && (d[0] < a.sweeper.Clock.In(5*time.Minute) || d[0] > a.sweeper.Clock.In(20*time.Minute))
			})
			a.until("it ends", func() bool { a.later(); return len(ended) > 0 })
			if err := <-ended; !errors.Is(err, ErrSlow) || w.told.Load() != 0 {
				t.Errorf("got %v, and it was told %d times", err, w.told.Load())
			}
		})
	}
}

func TestSilentAskEndsWithWhoAsks(t *testing.T) {
	a, goOn := silently(t, "", "")
	defer goOn()
	r, who := a.request("GET", "")
	w := &watcher{}
	r.Watcher, r.Terms.Silence = w, time.Minute
	ended := a.begin(r)
	a.until("it is told", func() bool { a.later(); return w.told.Load() > 0 })
	who.leave()
	if err := <-ended; !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want %v", err, ErrGone)
	}
}
