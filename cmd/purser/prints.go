package main

import (
	"context"

	"purser/conf"
	"purser/pool"
	"purser/restart"
)

// booting tells the checker of each spawn: what was on disk before it is what the process is of.
func (r *restarts) booting(app conf.App, spawn pool.SpawnFunc) pool.SpawnFunc {
	return func(ctx context.Context, o pool.Order) (pool.Child, error) {
		r.checker.Booting(app.Name, o.Process, o.Generation, o.Release.Path)
		child, err := spawn(ctx, o)
		pid := 0
		if err == nil {
			pid = child.PID()
		}
		r.checker.Booted(app.Name, o.Process, pid)
		return child, err
	}
}

// readyOnes are the processes of an app that serve.
func readyOnes(g pool.GroupSnapshot) []restart.Process {
	var live []restart.Process
	for _, p := range g.Processes {
		if p.State == "ready" {
			live = append(live, restart.Process{Number: p.Number, PID: p.PID, Generation: p.Generation, Release: p.Release, Began: p.Started})
		}
	}
	return live
}

// onReexec replaces a process that has replaced itself: nobody knows which code it runs now.
func (r *restarts) onReexec(app string, p restart.Process) {
	r.pool.Group(app).Replace(p.PID, "it has started itself anew")
}
