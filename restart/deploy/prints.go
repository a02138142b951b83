package deploy

import (
	"context"
	"sync"

	"purser/pool"
	"purser/restart"
)

// prints are what the processes of one app were started from.
type prints struct {
	mu sync.Mutex // guards of; nothing is read from disk under it
	of map[int]restart.Print
}

func newPrints() *prints { return &prints{of: map[int]restart.Print{}} }

// noting has a print taken just before each spawn: what changes from then on is newer than the process.
func (p *prints) noting(watch []string, spawn pool.SpawnFunc) pool.SpawnFunc {
	return func(ctx context.Context, o pool.Order) (pool.Child, error) {
		print := restart.Fingerprint(o.Release.Path, watch)
		p.mu.Lock()
		p.of[o.Process] = print
		p.mu.Unlock()
		child, err := spawn(ctx, o)
		if err != nil {
			p.forget(o.Process)
		}
		return child, err
	}
}

func (p *prints) forget(process int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, process)
}

// live is the processes of the app that serve, with what each was started from.
func (p *prints) live(g pool.GroupSnapshot) []restart.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	var live []restart.Process
	for _, q := range g.Processes {
		if q.State == "ready" {
			live = append(live, restart.Process{Number: q.Number, PID: q.PID, Generation: q.Generation,
				Release: q.Release, Began: q.Started, Print: p.of[q.Number]})
		}
	}
	return live
}
