package serve

import (
	"sync"

	"purser/status"
)

// Reloads are those that wait to begin. Who asks for what waits already need not ask for another: it reads what is
// there when it begins.
type reloads struct {
	mu      sync.Mutex // guards what follows
	waiting []*reloading
}

// A reloading is one reload, and who waits for what comes of it.
type reloading struct {
	options status.ReloadOptions
	done    chan struct{} // closed when what follows is known
	result  status.Reload
	err     error
}

// join returns a reload that waits to begin, and whether it is for the caller to begin it.
func (all *reloads) join(o status.ReloadOptions) (run *reloading, first bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, run := range all.waiting {
		if run.options == o {
			return run, false
		}
	}
	run = &reloading{options: o, done: make(chan struct{})}
	all.waiting = append(all.waiting, run)
	return run, true
}

// begin has whoever comes now wait for another.
func (all *reloads) begin(run *reloading) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for i, other := range all.waiting {
		if other == run {
			all.waiting = append(all.waiting[:i:i], all.waiting[i+1:]...)
			return
		}
	}
}
