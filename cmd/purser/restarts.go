package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/restart"
)

// restarts begins the restarts that are asked for, from wherever, and leaves a note in the app's
// folder when one has ended.
type restarts struct {
	pool *pool.Pool
	log  hclog.Logger

	ctx    context.Context // ends the waiting for restarts
	cancel context.CancelFunc
	notes  sync.WaitGroup // one for each restart that runs

	mu sync.Mutex // guards noting
	// noting has the ids of the running restarts: several touches may be one restart.
	noting map[string]bool
}

func newRestarts(p *pool.Pool, log hclog.Logger) *restarts {
	r := &restarts{pool: p, log: log.Named("restart"), noting: map[string]bool{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// live is the release that an app is wanted to run.
func (r *restarts) live(app string) string { return r.pool.Group(app).Snapshot().Release.Path }

// onTouch is called when an app's restart file was touched.
func (r *restarts) onTouch(app, reason string) {
	g := r.pool.Group(app)
	r.begin(g, reason, g.App().Restart.Settle) // its error is logged
}

// onSignal restarts every app.
func (r *restarts) onSignal() {
	for _, g := range r.pool.Groups() {
		r.begin(g, "SIGUSR1", 0) // its error is logged
	}
}

// onOrder is called for the admin API.
func (r *restarts) onOrder(g *pool.Group, reason string) (pool.RestartSnapshot, error) {
	return r.begin(g, reason, 0)
}

// begin resolves the release, once for the whole restart, and begins it. If the app's root leads
// nowhere, there is no restart and what serves goes on serving.
func (r *restarts) begin(g *pool.Group, reason string, settle time.Duration) (pool.RestartSnapshot, error) {
	release, err := restart.Identify(g.App().Root)
	if err != nil {
		r.log.Error("cannot restart, the old code serves on", "app", g.Name(), "error", err)
		return pool.RestartSnapshot{}, fmt.Errorf("%w; the old code serves on", err)
	}
	begun := g.Restart(pool.RestartRequest{Release: pool.Release(release), Strategy: "rolling", Reason: reason, Settle: settle})
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.noting[begun.ID] {
		r.noting[begun.ID] = true
		r.notes.Go(func() { r.note(g, begun.ID) })
	}
	return begun, nil
}

// note waits for the end of a restart and writes it down where a deploy script may look.
func (r *restarts) note(g *pool.Group, id string) {
	ended, err := g.WaitRestart(r.ctx, id)
	r.mu.Lock()
	delete(r.noting, id)
	r.mu.Unlock()
	app := g.App()
	if err != nil || app.Restart.File == "" {
		return
	}
	if err := restart.WriteStatus(app.Root, app.Restart.File, ended); err != nil {
		r.log.Debug("cannot leave a note of the restart", "app", app.Name, "error", err)
	}
}

// close returns when the last note is written. What has not ended by now gets none.
func (r *restarts) close() {
	r.cancel()
	r.notes.Wait()
}
