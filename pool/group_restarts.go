package pool

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"purser/conf"
)

// This file is what an operator may ask of a Group.

// Restart replaces every process by one of the request's release, without losing a request. It
// returns at once, and how far it is then; WaitRestart waits for the end. A restart that cannot be is
// returned as one that has failed.
func (g *Group) Restart(req RestartRequest) (s RestartSnapshot) {
	g.do(func(state *groupState, now time.Time) {
		if state.borrows != nil {
			s = state.notOurs(now, req)
			return
		}
		r := state.restart(now, newID(), req)
		r.by = req.By // it may be one that runs, and takes this request in
		s = state.restartSnapshot(r)
	})
	g.awaitNoted()
	return s
}

// CheckCanary returns a *CanaryError if a restart could not begin with a canary of that size now.
func (g *Group) CheckCanary(size conf.Amount) (err error) {
	g.do(func(state *groupState, now time.Time) {
		if err = state.yielded(); err == nil {
			_, err = state.plot(now).canarySize(size)
		}
	})
	return err
}

// RefuseRestart records a restart that was asked for and may not be, for a reason that the pool does
// not know. What runs goes on.
func (g *Group) RefuseRestart(req RestartRequest, reason string, output []string) (s RestartSnapshot) {
	g.do(func(state *groupState, now time.Time) {
		if state.borrows != nil {
			s = state.notOurs(now, req)
			return
		}
		s = state.restartSnapshot(state.refuse(now, newID(), req, reason, output))
	})
	g.awaitNoted()
	return s
}

// Rollback takes the newest code back: what worked before it serves again, at once where processes of
// it still live, else by respawn from its own folder. A restart that runs fails by that. It returns
// at once, as Restart does. By is who asks. The error is ErrNothingOlder, ErrOverwritten, ErrClosed or
// ErrYielded.
func (g *Group) Rollback(by, reason string) (s RestartSnapshot, err error) {
	return g.order(func(state *groupState, now time.Time) (*restart, error) {
		from := state.target()
		r, err := state.rollback(now, newID(), reason)
		if err == nil {
			r.by, r.served = by, from
		}
		return r, err
	})
}

// Promote lets a restart go on that has stopped at its canary. The error is ErrNoCanary or ErrYielded.
func (g *Group) Promote() (RestartSnapshot, error) { return g.order((*groupState).promote) }

func (g *Group) order(event func(*groupState, time.Time) (*restart, error)) (s RestartSnapshot, err error) {
	g.do(func(state *groupState, now time.Time) {
		var r *restart
		if err = state.yielded(); err != nil {
			return
		}
		if r, err = event(state, now); err == nil {
			s = state.restartSnapshot(r)
		}
	})
	g.awaitNoted()
	return s, err
}

// TakenBack returns the release that an operator has taken back, if the app goes without it. Where the older
// code was in the same folder (a deployment in place) that says nothing of what is there now.
func (g *Group) TakenBack() (r Release, taken bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.takenBack()
}

// AtCanary returns the release of a restart that goes no further than its canary until somebody promotes it, if
// there is one.
func (g *Group) AtCanary() (r Release, waits bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if running := g.state.running(); running.waits() {
		return running.generation.release, true
	}
	return r, false
}

// Past returns what is to be known of the group by the purser that comes after this one.
func (g *Group) Past() Past {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.outlives(g.state.restartTo(g.state.wanted).waits())
}

// Wanted returns the release that the app is to run.
func (g *Group) Wanted() Release {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state.wanted.release
}

// Detach replaces the ready process with that pid: it gets no new request from now on, and exits once
// it has answered those that it has. A worker is asked to exit at once. It reports false if there is none.
func (g *Group) Detach(pid int) (found bool) {
	return g.Replace(pid, "detached by an operator")
}

// Postpone holds the restart that runs back for another while, as more is about to come that may join it
// (see RestartRequest.Settle). It reports false if there is none that a request could join.
func (g *Group) Postpone(settle time.Duration) (held bool) {
	g.do(func(s *groupState, now time.Time) { held = s.borrows == nil && s.postpone(now, settle) })
	return held
}

// Replace is Detach for a reason of purser's own.
func (g *Group) Replace(pid int, why string) (found bool) {
	g.do(func(s *groupState, now time.Time) {
		switch p, worker := s.readyAs(pid), s.workerAs(pid); {
		case s.borrows != nil:
		case p != nil:
			found = true
			s.recycle(now, p, why)
		case worker != nil:
			found = true
			s.recycleWorker(now, worker, why)
		}
	})
	return found
}

// newID returns what no other run of purser makes.
func newID() string { return "r-" + strings.ToLower(crand.Text()[:12]) }

// Restarts returns how the last restarts stand or ended, up to 20 of them, newest first.
func (g *Group) Restarts() []RestartSnapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []RestartSnapshot
	if f := g.state.next; f != nil {
		all = append(all, g.state.restartSnapshot(f.record))
	}
	for _, r := range slices.Backward(g.state.restarts) {
		all = append(all, g.state.restartSnapshot(r))
	}
	return all
}

// WaitRestart waits until a restart has ended, and returns how. If ctx ends before, it returns how
// the restart stands, with the cause. A restart that nobody remembers is an error. ErrYielded is
// one that goes on in another front.
func (g *Group) WaitRestart(ctx context.Context, id string) (RestartSnapshot, error) {
	return g.await(ctx, id, func(s RestartSnapshot) bool { return s.State != RestartRunning })
}

// WaitProgress is like WaitRestart, but also returns when the restart has more than so many steps.
func (g *Group) WaitProgress(ctx context.Context, id string, steps int) (RestartSnapshot, error) {
	return g.await(ctx, id, func(s RestartSnapshot) bool { return s.State != RestartRunning || len(s.Steps) > steps })
}

func (g *Group) await(ctx context.Context, id string, enough func(RestartSnapshot) bool) (RestartSnapshot, error) {
	for {
		s, progress, ok := g.look(id)
		switch {
		case !ok:
			return s, fmt.Errorf("cannot wait for restart %q of app %q: it is unknown, or long past", id, g.name)
		case enough(s):
			g.awaitNoted() // or the next purser might go on with what was said to have ended
			return s, nil
		case g.hasYielded():
			return s, ErrYielded
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return s, context.Cause(ctx)
		}
	}
}

// look returns how a restart stands, and what is closed when any takes a further step.
func (g *Group) look(id string) (s RestartSnapshot, progress <-chan struct{}, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.progress == nil {
		g.progress = make(chan struct{})
	}
	if r := g.state.find(id); r != nil {
		return g.state.restartSnapshot(r), g.progress, true
	}
	return s, nil, false
}
