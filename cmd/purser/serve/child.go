package serve

import (
	"context"

	"purser/pool"
	"purser/proxy/upstream"
	"purser/spawn"
)

// A child is a running process as pool keeps it and as proxy reaches it.
type child struct {
	*spawn.Child
	upstream *upstream.Way
	of       *spawn.Spawner
	left     func() // is called when it is gone, or another front's
}

// Wait returns once it is gone, or another front's. No link to it is kept then: each may take one of its threads, which
// are for that other front.
func (c child) Wait() error {
	defer c.left()
	defer c.upstream.CloseIdle()
	return c.Child.Wait()
}

// Upstream is the way for requests.
func (c child) Upstream() *upstream.Way { return c.upstream }

// Stop closes the idle connections first: many servers end only once the last is closed.
func (c child) Stop() {
	c.upstream.CloseIdle()
	c.Child.Stop()
}

// Yield leaves it to another front, and with it all others of its spawner. Connections are kept for no further request:
// a process that serves one connection at a time would not get to those of that front.
func (c child) Yield() {
	c.upstream.CloseIdle()
	c.of.Yield()
}

// spawn starts a process with the configuration that is ordered, for the pool.
func (all *editions) spawn(ctx context.Context, o pool.Order) (pool.Child, error) {
	e := all.take(o.Config)
	if o.Worker != "" {
		return all.spawnWorker(ctx, e, o)
	}
	started, err := e.spawner.Start(ctx, spawn.Order{Generation: o.Generation, Process: o.Process, Index: o.Index, Path: o.Release.Path, Over: o.Over})
	if err != nil {
		all.leave(e)
		return nil, err
	}
	return child{started, upstream.Owned(started.Network(), started.Address(), started.Owner()), e.spawner, func() { all.leave(e) }}, nil
}
