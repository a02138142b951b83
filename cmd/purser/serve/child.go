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
}

// Upstream is the way for requests.
func (c child) Upstream() *upstream.Way { return c.upstream }

// Stop closes the idle connections first: many servers end only once the last is closed.
func (c child) Stop() {
	c.upstream.CloseIdle()
	c.Child.Stop()
}

// spawning makes a spawner fit for the pool.
func spawning(s *spawn.Spawner) pool.SpawnFunc {
	return func(ctx context.Context, o pool.Order) (pool.Child, error) {
		started, err := s.Start(ctx, spawn.Order{Generation: o.Generation, Process: o.Process, Path: o.Release.Path})
		if err != nil {
			return nil, err
		}
		return child{started, upstream.New(started.Network(), started.Address())}, nil
	}
}
