package deploy

import (
	"cmp"
	"sync"
	"time"

	"purser/pool"
)

// memory shares out what is free on this machine to the restarts that run. It is measured once for all that
// begin together, and what one was granted is not free for the next: the measure shows it only once it is
// used.
type memory struct {
	measure func() measure
	now     func() time.Time

	mu     sync.Mutex // guards what follows, and is held while it is measured: who comes meanwhile wants the same
	last   measure
	taken  time.Time
	grants map[string]*grant // by app: what its restart that runs may use
}

// A measure is what is free, within the limit of our own control group if there is one, and what each process
// group uses. What cannot be measured is 0.
type measure struct {
	free int64
	used map[int]int64 // by pid of the leader
}

// A grant is what a restart may use beside what its app used when it began.
type grant struct {
	group      *pool.Group
	restart    string // its id
	generation int    // of the processes that use it
	bytes      int64
}

// measureAge is for how long a measure holds: reading all of /proc takes milliseconds.
const measureAge = time.Second

func newMemory() *memory {
	return &memory{measure: measureMachine, now: time.Now, grants: map[string]*grant{}}
}

func measureMachine() measure {
	return measure{freeMemory("/proc", "/sys/fs/cgroup"), anonymousByGroup("/proc")}
}

// grant is what a restart of g has to know, and sets what it may use aside until it is released. What is not
// known is 0, and then it is no limit.
func (m *memory) grant(g *pool.Group, strategy string) pool.Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); now.Sub(m.taken) > measureAge {
		m.last, m.taken = m.measure(), now
	}
	delete(m.grants, g.Name()) // of the restart that this one supersedes
	found := pool.Memory{}
	s := g.Snapshot()
	for _, p := range s.Processes {
		if p.State == "ready" {
			found.PerProcess = max(found.PerProcess, m.last.used[p.PID])
		}
	}
	if found.PerProcess == 0 || m.last.free == 0 {
		return pool.Memory{PerProcess: found.PerProcess}
	}
	found.Free = max(1, m.last.free-m.pending())
	extra := int64(extraProcesses(g, cmp.Or(strategy, g.App().Restart.Strategy), s))
	m.grants[g.Name()] = &grant{group: g, bytes: min(found.Free, extra*found.PerProcess)}
	return found
}

// pending is what was granted and is not used yet, by the last measure.
func (m *memory) pending() (bytes int64) {
	for _, granted := range m.grants {
		left := granted.bytes
		for _, p := range granted.group.Snapshot().Processes {
			if p.Generation == granted.generation {
				left -= m.last.used[p.PID]
			}
		}
		bytes += max(0, left)
	}
	return bytes
}

// granted says for which restart the last grant of its app is.
func (m *memory) granted(r pool.RestartSnapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if granted := m.grants[r.App]; granted != nil {
		granted.restart, granted.generation = r.ID, r.Generation
	}
}

// release ends what a restart was granted; "" is whatever was granted for the app.
func (m *memory) release(app, restart string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if granted := m.grants[app]; granted != nil && (restart == "" || granted.restart == restart) {
		delete(m.grants, app)
	}
}

// extraProcesses is how many processes a restart may have beside those that there are.
func extraProcesses(g *pool.Group, strategy string, s pool.GroupSnapshot) int {
	switch strategy {
	case pool.Blocking:
		return 0
	case pool.BlueGreen:
		return max(len(s.Processes), s.MinProcesses)
	}
	return g.App().Restart.Surge.Of(s.MaxProcesses)
}
