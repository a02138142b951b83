package deploy

import (
	"context"
	"time"

	"purser/pool"
)

// touches are those of an app that follow each other, and are one restart.
type touches struct {
	reason   string    // of the last one that no restart was begun for; "" = there is none
	by       string    // restart.ByTouch or ByAuto
	first    time.Time // of those that are gathered now
	last     time.Time
	gathered bool   // somebody sees to them
	seen     []byte // of the restart file at the last one, "" = that is noted
}

const (
	longestQuiet = 10 * time.Second       // touches that never end can put a restart off for so long
	slack        = 100 * time.Millisecond // how much longer than for the next touch a restart is held back
)

func fileNote(app string) string { return "restart-file/" + app }

// saw keeps what was seen of an app's restart file for the next front, if this one crashes: at once, or when the restart
// has begun that it asks for. A touch is rather heeded twice than never.
func (d *Deployer) saw(app string, seen []byte, asks bool) {
	a := d.app(app)
	if a == nil || !asks {
		d.note(fileNote(app), seen)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touches.seen = seen
}

// noteTouches notes what was seen of the restart file, once everything that it asked for has begun.
func (a *App) noteTouches(seen []byte) {
	if len(seen) > 0 {
		a.deployer.note(fileNote(a.name), seen)
	}
}

// note keeps something for the next front.
func (d *Deployer) note(name string, text []byte) {
	if err := d.keeper.Note(name, text); err != nil {
		d.log.Warn("cannot keep something for the next front, should this one crash", "what", name, "error", err)
	}
}

// takeLeft is what the front before has noted by a name, once.
func (d *Deployer) takeLeft(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := d.left[name]
	delete(d.left, name)
	return text
}

// touched takes note of a touch. A restart that was begun for those before is held back for it.
func (a *App) touched(by, reason string) {
	now := time.Now()
	a.mu.Lock()
	gathered := a.touches.gathered
	if !gathered {
		a.touches.first = now
	}
	a.touches.by, a.touches.reason, a.touches.last, a.touches.gathered = by, reason, now, true
	a.mu.Unlock()
	if !gathered {
		a.start(a.gather)
	} else {
		a.holdBack()
	}
}

// holdBack has the restart that was begun for a touch wait for another one.
func (a *App) holdBack() {
	if g := a.deployer.pool.Group(a.name); g != nil && !a.hooked() {
		g.Postpone(a.now().Restart.Settle + slack)
	}
}

func (a *App) hooked() bool { return !a.now().Hooks.BeforeRestart.IsZero() }

// gather begins restarts until the touches have ended. The first touch begins one at once, which is held
// back until they have been quiet for restart.settle; then it is begun anew once, with what is there after
// the last: however many come between, nothing is started for them. With a before_restart hook nothing
// begins before they have been quiet: so the hook runs once.
func (a *App) gather() {
	settle := a.now().Restart.Settle
	for hold := settle; ; {
		if a.hooked() {
			a.awaitQuiet(settle)
			hold = 0
		}
		by, reason, seen, more := a.takeTouches()
		if !more {
			return
		}
		a.begin(pool.RestartRequest{By: by, Reason: reason, Settle: hold}) // its error is in the log
		if a.ctx.Err() == nil {                                            // else it may not have begun
			a.noteTouches(seen)
		}
		if hold == settle {
			if a.isTouched() {
				a.holdBack() // it came while that was prepared
			}
			a.awaitQuiet(settle)
			if a.isTouched() {
				a.holdBack() // until what follows is prepared
			}
			hold = time.Nanosecond // joins what is held back, and ends that
		} else {
			hold = settle
		}
	}
}

// awaitQuiet returns when there was no touch for so long.
func (a *App) awaitQuiet(settle time.Duration) {
	for a.ctx.Err() == nil {
		a.mu.Lock()
		quiet := a.touches.last.Add(settle)
		if latest := a.touches.first.Add(longestQuiet - settle); quiet.After(latest) {
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

// isTouched reports whether there was a touch that no restart was begun for.
func (a *App) isTouched() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.touches.reason != ""
}

// takeTouches returns by what the last touch was, and its reason, if there is one that no restart was begun for. If not,
// the next touch finds nobody who sees to it.
func (a *App) takeTouches() (by, reason string, seen []byte, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	by, reason, seen = a.touches.by, a.touches.reason, a.touches.seen
	if reason == "" || a.ctx.Err() != nil {
		a.touches = touches{}
		return "", "", nil, false
	}
	a.touches.reason, a.touches.seen, a.touches.first = "", nil, time.Now()
	return by, reason, seen, true
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
