package deploy

import (
	"context"
	"time"

	"purser/pool"
)

// touches are those of an app that no restart was begun for yet.
type touches struct {
	reason   string    // of the last one; "" = there is none
	first    time.Time // of those that no restart was begun for
	last     time.Time
	gathered bool // somebody sees to them
}

const (
	longestQuiet = 10 * time.Second // touches that never end can put a restart off for so long
	longestHold  = 2 * time.Second  // the last touch of many is waited for no longer than this
)

// touched takes note of a touch. Many in a row are one restart.
func (a *App) touched(reason string) {
	now := time.Now()
	a.mu.Lock()
	if a.touches.reason == "" {
		a.touches.first = now
	}
	a.touches.reason, a.touches.last = reason, now
	gathered := a.touches.gathered
	a.touches.gathered = true
	a.mu.Unlock()
	if !gathered {
		a.start(a.gather)
	}
}

// gather begins restarts until the touches have ended. The first touch begins one at once, and the pool
// holds its processes back for restart.settle. Those that come meanwhile join it, which starts processes
// anew: so they do it together and not one by one, and the longer they go on, the longer more are waited
// for. With a before_restart hook nothing begins
// before the touches have been quiet: so the hook runs once.
func (a *App) gather() {
	settle := a.conf.Restart.Settle
	hooked := !a.hooksNow().BeforeRestart.IsZero()
	for hold := settle; ; hold = max(settle, min(2*hold, longestHold)) {
		if hooked {
			a.awaitQuiet(settle)
		}
		reason, more := a.takeTouches()
		switch {
		case !more:
			return
		case hooked:
			a.begin(pool.RestartRequest{Reason: reason})
		default:
			a.begin(pool.RestartRequest{Reason: reason, Settle: hold})
			rest(a.ctx, hold/2)
		}
	}
}

// awaitQuiet returns when there was no touch for so long.
func (a *App) awaitQuiet(settle time.Duration) {
	for a.ctx.Err() == nil {
		a.mu.Lock()
		quiet := a.touches.last.Add(settle)
		if latest := a.touches.first.Add(longestQuiet); quiet.After(latest) {
			quiet = latest
		}
		a.mu.Unlock()
		wait := time.Until(quiet)
		if wait <= 0 {
			return
		}
		rest(a.ctx, wait)
	}
}

// takeTouches returns the reason of the last touch, if there is one that no restart was begun for. If not,
// the next touch finds nobody who sees to it.
func (a *App) takeTouches() (reason string, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reason = a.touches.reason
	if reason == "" || a.ctx.Err() != nil {
		a.touches = touches{}
		return "", false
	}
	a.touches.reason = ""
	return reason, true
}

// rest waits, or returns when ctx ends.
func rest(ctx context.Context, span time.Duration) {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
