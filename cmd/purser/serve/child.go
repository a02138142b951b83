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
	left     func() // is called when it is gone
}

// Wait returns once it is gone.
func (c child) Wait() error {
	defer c.left()
	return c.Child.Wait()
}

// Upstream is the way for requests.
func (c child) Upstream() *upstream.Way { return c.upstream }

// Stop closes the idle connections first: many servers end only once the last is closed.
func (c child) Stop() {
	c.upstream.CloseIdle()
	c.Child.Stop()
}

// spawn starts a process with the configuration that is ordered, for the pool.
func (all *editions) spawn(ctx context.Context, o pool.Order) (pool.Child, error) {
	e := all.take(o.Config)
	started, err := e.spawner.Start(ctx, spawn.Order{Generation: o.Generation, Process: o.Process, Path: o.Release.Path})
	if err != nil {
		all.leave(e)
		return nil, err
	}
	return child{started, upstream.Owned(started.Network(), started.Address(), started.Owner()), func() { all.leave(e) }}, nil
}
