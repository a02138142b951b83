package main

import (
	"time"

	"purser/pool"
	"purser/status"
)

// Touches are those of one app's restart file that follow each other within restart.settle, and are one
// restart. It begins with the first, and begins anew once with what is there after the last: however many
// come between, nothing is started for them.
type touches struct {
	quiet  *time.Timer // goes off when none has come for settle
	more   bool        // there were more than the restart was begun for
	reason string
}

// slack is how much longer than settle the group waits for the last of the touches.
const slack = 100 * time.Millisecond

// onTouch is called when an app's restart file was touched, or its code has changed. With a
// before_restart hook nothing begins before the touches have been quiet: so it runs once.
func (r *restarts) onTouch(app, reason string) {
	g := r.pool.Group(app)
	settle, hooked := g.App().Restart.Settle, !g.App().Hooks.BeforeRestart.IsZero()
	if r.joins(g, reason, settle, hooked) {
		return
	}
	if r.expectMore(g, reason, settle, hooked) && !hooked {
		r.begin(g, order{Order: status.Order{Reason: reason}, settle: settle}) // its error is logged
	}
}

// joins reports whether touches that have begun go on with this one.
func (r *restarts) joins(g *pool.Group, reason string, settle time.Duration, hooked bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.touched[g.Name()]
	if t == nil || !hooked && !g.Postpone(settle+slack) || !t.quiet.Stop() {
		return false
	}
	t.more, t.reason = true, reason
	t.quiet.Reset(settle)
	return true
}

// expectMore begins touches. It reports false if purser is stopping.
func (r *restarts) expectMore(g *pool.Group, reason string, settle time.Duration, more bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	t := &touches{more: more, reason: reason}
	if old := r.touched[g.Name()]; old != nil && old.quiet.Stop() {
		r.begun.Done()
	}
	r.touched[g.Name()] = t
	r.begun.Add(1)
	t.quiet = time.AfterFunc(settle, func() {
		defer r.begun.Done()
		r.onQuiet(g, t)
	})
	return true
}

// onQuiet begins what the last of the touches asked for. What is waited for is over.
func (r *restarts) onQuiet(g *pool.Group, t *touches) {
	r.mu.Lock()
	more, reason := t.more, t.reason
	if r.touched[g.Name()] == t {
		delete(r.touched, g.Name())
	}
	r.mu.Unlock()
	if more {
		r.begin(g, order{Order: status.Order{Reason: reason}, settle: time.Nanosecond})
	}
}
