package main

import (
	"context"
	"sync"

	"purser/conf"
	"purser/pool"
	"purser/restart"
)

// prints is what each process was started from.
type prints struct {
	mu sync.Mutex // guards of; nothing is read from disk under it
	of map[processKey]restart.Print
}

type processKey struct {
	app    string
	number int
}

func newPrints() *prints { return &prints{of: map[processKey]restart.Print{}} }

// taking has a print taken just before each spawn: what changes from then on is newer than the process.
func (s *prints) taking(app conf.App, spawn pool.SpawnFunc) pool.SpawnFunc {
	return func(ctx context.Context, o pool.Order) (pool.Child, error) {
		print := restart.Fingerprint(o.Release.Path, app.Restart.Watch)
		key := processKey{app.Name, o.Process}
		s.mu.Lock()
		s.of[key] = print
		s.mu.Unlock()
		child, err := spawn(ctx, o)
		if err != nil {
			s.forget(key)
		}
		return child, err
	}
}

func (s *prints) forget(key processKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, key)
}

// live is the processes of an app that serve, with what each was started from.
func (s *prints) live(g pool.GroupSnapshot) []restart.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var live []restart.Process
	for _, p := range g.Processes {
		if p.State == "ready" {
			live = append(live, restart.Process{Number: p.Number, PID: p.PID, Generation: p.Generation,
				Release: p.Release, Began: p.Started, Print: s.of[processKey{g.Name, p.Number}]})
		}
	}
	return live
}
