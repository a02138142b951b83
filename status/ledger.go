package status

import (
	"maps"
	"slices"
	"sync"

	"purser/pool"
)

// A Ledger counts what happened to the processes and restarts of each app. Its zero value is empty.
type Ledger struct {
	mu   sync.Mutex // guards apps
	apps map[string]*account
}

type account struct {
	starting map[int]bool
	crashes  int64
	failed   int64
	memory   int64            // killed by the kernel
	restarts map[string]int64 // by how they ended
	working  map[int]bool     // workers that nobody has asked to go
	ended    map[string]int64 // of those, by what they were for
}

// See takes note of an event. Events have to come in their order.
func (l *Ledger) See(e pool.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.apps == nil {
		l.apps = map[string]*account{}
	}
	a := l.apps[e.App]
	if a == nil {
		a = &account{starting: map[int]bool{}, restarts: map[string]int64{}, working: map[int]bool{}, ended: map[string]int64{}}
		l.apps[e.App] = a
	}
	switch e.Kind {
	case "process":
		a.seeProcess(e)
	case "worker":
		a.seeWorker(e)
	case "restart":
		switch state := pool.RestartState(e.What); state {
		case pool.RestartDone, pool.RestartFailed, pool.RestartSuperseded:
			a.restarts[e.What]++
		}
	}
}

func (a *account) seeProcess(e pool.Event) {
	if e.Crashed {
		a.crashes++
	}
	if e.What == "gone" && a.starting[e.Process] {
		a.failed++
	}
	if e.OutOfMemory {
		a.memory++
	}
	delete(a.starting, e.Process)
	if e.What == "spawning" {
		a.starting[e.Process] = true
	}
}

// read tells what was counted of an app.
func (l *Ledger) read(app string, out readings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.apps[app]
	if a == nil {
		a = &account{}
	}
	out.counter(descCrashes, a.crashes, app)
	out.counter(descFailed, a.failed, app)
	out.counter(descMemoryKills, a.memory, app)
	for _, worker := range slices.Sorted(maps.Keys(a.ended)) {
		out.counter(descWorkerEnded, a.ended[worker], app, worker)
	}
	for _, state := range slices.Sorted(maps.Keys(a.restarts)) {
		out.counter(descRestarts, a.restarts[state], app, state)
	}
}
