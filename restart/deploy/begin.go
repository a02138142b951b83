package deploy

import (
	"fmt"
	"slices"
	"time"

	"purser/pool"
	"purser/restart"
)

// begin prepares a restart and begins it. The release is resolved once for the whole of it, after the
// before_restart hook, which may still prepare it. If the hook fails, or the app's root leads nowhere, or to nothing
// that can be started, what serves goes on serving, and the restart is remembered as one that has failed. But for the
// hook there is an error, too.
func (a *App) begin(request pool.RestartRequest) (pool.RestartSnapshot, error) {
	return a.beginAt(request, a.look)
}

// beginAt begins a restart to the release that resolve returns.
func (a *App) beginAt(request pool.RestartRequest, resolve func() (restart.Release, error)) (pool.RestartSnapshot, error) {
	g := a.deployer.pool.Group(a.name)
	if g == nil || !a.takeTurn() {
		return pool.RestartSnapshot{}, a.deployer.over(pool.ErrClosed)
	}
	defer func() { <-a.turn }()
	if err := a.ask(g, request); err != nil {
		return a.refused(g, request, err), nil
	}
	marks := a.deployer.checker.Requested(a.name)
	release, err := resolve()
	if err != nil {
		err = fmt.Errorf("%w; the old code serves on", err)
		return g.RefuseRestart(request, err.Error(), nil), err
	}
	request.Release = pool.Release(release)
	request.Memory = a.deployer.memory.grant(g, request.Strategy)
	a.mu.Lock() // what follows the events may ask for the marks as soon as there is a restart
	defer a.mu.Unlock()
	request.Config = a.config
	begun := g.Restart(request)
	a.marks[begun.ID] = marks
	a.deployer.memory.granted(begun)
	return begun, nil
}

// resolve is where the app's root leads to now.
func (a *App) resolve() (restart.Release, error) {
	return restart.ResolveRelease(a.disk(), a.now().Root)
}

// look resolves the release, and has it found out what there is to start in it. If the root leads elsewhere by the time
// that this is known, it is looked at again: what is found of one release must not be started in another.
func (a *App) look() (release restart.Release, err error) {
	for range mostLooks {
		if release, err = a.resolve(); err != nil {
			return release, err
		}
		if err = a.deployer.look(a.ctx, a.name); err != nil {
			return release, err
		}
		if now, err := a.resolve(); err == nil && same(pool.Release(now), pool.Release(release)) {
			return now, nil
		}
	}
	return release, fmt.Errorf("the app's root %s leads elsewhere each time that it is looked at", a.now().Root)
}

const mostLooks = 5

// Reconfigure begins a restart to the configuration that Change was told of. The code is that of before, as far as
// can be seen; then it is what the old processes are started again from, should the new ones not start. What is
// held back is not brought by it: begun is false then, and the next restart has it.
func (a *App) Reconfigure(reason string) (r pool.RestartSnapshot, begun bool, err error) {
	d := a.deployer
	if d.HeldBack(a.name) != "" {
		return r, false, nil
	}
	request := pool.RestartRequest{By: "reload", Reason: reason}
	request.SameCode = !slices.ContainsFunc(d.checker.Needs(a.name), func(n restart.Need) bool { return n.Kind == restart.Changed })
	r, err = a.beginAt(request, a.resolve) // what is there was found out by who reads the configuration
	if g := d.pool.Group(a.name); g != nil {
		d.memo.note(a.name, g.Past)
	}
	return r, err == nil, err
}

// takeTurn returns when no other restart of the app is being prepared. It reports false if none is begun
// any more.
func (a *App) takeTurn() bool {
	if a.ctx.Err() != nil {
		return false
	}
	select {
	case a.turn <- struct{}{}:
		return true
	case <-a.ctx.Done():
		return false
	}
}

// ask runs the before_restart hook, if there is one.
func (a *App) ask(g *pool.Group, request pool.RestartRequest) error {
	hooks := a.now().Hooks
	if hooks.BeforeRestart.IsZero() {
		return nil
	}
	hook := a.hookOf("before_restart", hooks.BeforeRestart, hooks.Timeout)
	variables, facts := factsOf(g, pool.Event{App: g.Name(), At: time.Now(), Kind: "restart", What: "asked", Why: request.Reason})
	if request.By != "" {
		variables["PURSER_BY"] = request.By
	}
	return hook.Run(a.ctx, variables, facts)
}

// refused remembers a restart that its hook does not allow.
func (a *App) refused(g *pool.Group, request pool.RestartRequest, err error) pool.RestartSnapshot {
	if a.ctx.Err() != nil {
		return g.RefuseRestart(request, "purser is stopping", nil)
	}
	return g.RefuseRestart(request, "the "+err.Error(), linesOf(err))
}

// ended takes note that a restart has ended. One that is done settles the marks that it was begun for.
func (a *App) ended(s pool.RestartSnapshot) {
	a.deployer.memory.release(s.App, s.ID)
	a.mu.Lock()
	marks := a.marks[s.ID]
	if s.State != pool.RestartFailed {
		delete(a.marks, s.ID)
	} else if a.failed != s.ID {
		delete(a.marks, a.failed)
		a.failed = s.ID
	}
	a.mu.Unlock()
	if s.State == pool.RestartDone {
		a.deployer.checker.Settled(s.App, marks)
	}
}
