package main

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
)

// A chronicle follows what happens in the pool, in its order, and sees to what has to follow: the note
// in the app's folder when a restart has ended, the marks that are settled by it, and the hooks. It
// does so in a goroutine of its own, so that a slow folder or hook delays no request.
type chronicle struct {
	pool     *pool.Pool
	restarts *restarts
	log      hclog.Logger

	hooks    *hookLines
	hurry    context.CancelFunc
	over     chan struct{} // closed when nothing more will happen
	followed sync.WaitGroup
}

// lastHooks is how long hooks may go on once everything else has stopped.
const lastHooks = 5 * time.Second

func startChronicle(p *pool.Pool, r *restarts, apps []conf.App, log hclog.Logger) *chronicle {
	ctx, hurry := context.WithCancel(context.Background())
	c := &chronicle{pool: p, restarts: r, log: log.Named("restart"), hooks: startHooks(ctx, r.keeper, apps, log), hurry: hurry, over: make(chan struct{})}
	c.followed.Go(c.follow)
	return c
}

func (c *chronicle) follow() {
	for last, over := uint64(0), false; ; {
		events, lost, more := c.pool.Events(last)
		if lost > 0 {
			c.log.Error("events came faster than they could be followed", "lost", lost)
			last += lost
		}
		for _, e := range events {
			c.see(e)
			last = e.Seq
		}
		if len(events) > 0 {
			continue
		}
		if over {
			return
		}
		select {
		case <-more:
		case <-c.over:
			over = true
		}
	}
}

func (c *chronicle) see(e pool.Event) {
	g := c.pool.Group(e.App)
	switch {
	case e.Kind == "process" && e.What == "gone":
		c.restarts.prints.forget(processKey{e.App, e.Process})
	case e.Kind == "restart":
		if r, known := c.pool.Restart(e.Restart); known != nil {
			c.seeRestart(g, r, e.What)
		}
	}
	c.hooks.lines[e.App].put(g, e)
}

func (c *chronicle) seeRestart(g *pool.Group, r pool.RestartSnapshot, what string) {
	switch {
	case what == "requested" && r.Strategy == pool.Rollback:
		c.restarts.checker.Requested(g.Name()) // what is on disk is not to be gone forward to by itself
	case string(r.State) == what && r.Ended != nil:
		c.restarts.ended(r)
		c.note(g.App(), r)
	}
}

// note writes down how a restart ended, where a deploy script may look.
func (c *chronicle) note(app conf.App, r pool.RestartSnapshot) {
	if app.Restart.File == "" {
		return
	}
	if err := restart.WriteStatus(app.Root, app.Restart.File, r); err != nil {
		c.log.Debug("cannot leave a note of the restart", "app", app.Name, "error", err)
	}
}

// close sees to what has happened so far, and returns when that is done.
func (c *chronicle) close() {
	close(c.over)
	c.followed.Wait()
	timer := time.AfterFunc(lastHooks, c.hurry)
	c.hooks.close()
	timer.Stop()
	c.hurry()
}
