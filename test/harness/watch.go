package harness

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Watch looks at the app's status all the time, and keeps what a check finds wrong with it.
type Watch struct {
	t      *testing.T
	cancel context.CancelFunc
	done   sync.WaitGroup
	looks  int
	wrong  []string
}

// Observe begins a watch. The check returns "" or what is wrong, and runs in one goroutine.
func Observe(t *testing.T, p *Purser, check func(Status) string) *Watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &Watch{t: t, cancel: cancel}
	w.done.Go(func() { w.look(ctx, p, check) })
	t.Cleanup(func() {
		cancel()
		w.done.Wait()
	})
	return w
}

func (w *Watch) look(ctx context.Context, p *Purser, check func(Status) string) {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := p.FetchStatus(ctx, "app"); err == nil {
			w.looks++
			if wrong := check(s); wrong != "" {
				w.wrong = append(w.wrong, wrong+"\n"+Describe(s))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// End ends the watch, fails the test if something was wrong, and returns how often it has looked.
func (w *Watch) End() int {
	w.t.Helper()
	w.cancel()
	w.done.Wait()
	for _, wrong := range w.wrong[:min(3, len(w.wrong))] {
		w.t.Error(wrong)
	}
	if len(w.wrong) > 3 {
		w.t.Errorf("and so on: %d of %d looks found something wrong", len(w.wrong), w.looks)
	}
	if w.looks == 0 {
		w.t.Error("nobody looked")
	}
	return w.looks
}

// FewerReadyThan is a check that finds fewer than n ready processes wrong.
func FewerReadyThan(n int) func(Status) string {
	return func(s Status) string {
		if len(s.Ready()) < n {
			return "capacity fell"
		}
		return ""
	}
}

// Describe is a status in a few lines.
func Describe(s Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, generation %d, queue %d, last restart %s\n", s.Condition, s.Generation, s.Queue, RestartState(s))
	for _, p := range s.Processes {
		fmt.Fprintf(&b, "  pid %d generation %d %s, %d requests, %d connections\n", p.PID, p.Generation, p.State, p.Requests, p.Connections)
	}
	return b.String()
}
