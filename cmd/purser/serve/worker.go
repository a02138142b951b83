package serve

import (
	"context"

	"purser/pool"
	"purser/spawn"
)

// A worker is a running process beside the web as pool keeps it: nobody sends it a request.
type worker struct {
	*spawn.Child
	of   *spawn.Spawner
	left func() // is called when it is gone, or another front's
}

// Wait returns once it is gone, or another front's.
func (w worker) Wait() error {
	defer w.left()
	return w.Child.Wait()
}

// Yield leaves it to another front, and with it all others of its spawner.
func (w worker) Yield() { w.of.Yield() }

func (all *editions) spawnWorker(ctx context.Context, e *edition, o pool.Order) (pool.Child, error) {
	started, err := e.spawner.StartWorker(ctx, spawn.Order{Generation: o.Generation, Process: o.Process, Index: o.Index, Path: o.Release.Path, Worker: o.Worker})
	if err != nil {
		all.leave(e)
		return nil, err
	}
	return worker{started, e.spawner, func() { all.leave(e) }}, nil
}
