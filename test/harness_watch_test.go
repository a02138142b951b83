package test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/test/harness"
)

// A watch looks at the app's status all the time, and keeps what a check finds wrong with it.
type watch struct {
	t      *testing.T
	cancel context.CancelFunc
	done   sync.WaitGroup
	looks  int
	wrong  []string
}

// observe begins a watch. The check returns "" or what is wrong, and runs in one goroutine.
func observe(t *testing.T, p *harness.Purser, check func(harness.Status) string) *watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{t: t, cancel: cancel}
	w.done.Go(func() { w.look(ctx, p, check) })
	t.Cleanup(func() {
		cancel()
		w.done.Wait()
	})
	return w
}

func (w *watch) look(ctx context.Context, p *harness.Purser, check func(harness.Status) string) {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := p.FetchStatus(ctx, "app"); err == nil {
			w.looks++
			if wrong := check(s); wrong != "" {
				w.wrong = append(w.wrong, wrong+"\n"+describe(s))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// end ends the watch, fails the test if something was wrong, and returns how often it has looked.
func (w *watch) end() int {
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

// describe is a status in a few lines.
func describe(s harness.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s, generation %d, queue %d, last restart %s\n", s.Condition, s.Generation, s.Queue, restartState(s))
	for _, p := range s.Processes {
		fmt.Fprintf(&b, "  pid %d generation %d %s, %d requests, %d connections\n", p.PID, p.Generation, p.State, p.Requests, p.Connections)
	}
	return b.String()
}

// fewerReadyThan is a check that finds fewer than n ready processes wrong.
func fewerReadyThan(n int) func(harness.Status) string {
	return func(s harness.Status) string {
		if len(s.Ready()) < n {
			return "capacity fell"
		}
		return ""
	}
}
