package pool

import "time"

// A Process is one process of a group, from the decision to spawn it until it is gone.
//
// All of it is guarded by its Group's mutex, except what never changes once a request can hold it.
type Process struct {
	number     int           // within its group; a lower one is older
	generation *generation   // what it was spawned for
	replaces   bool          // once it is at work one outdated or worn process may go; false from then on
	failures   int           // how many starts of its generation had failed in a row when its own began
	limit      uint64        // to be replaced after so many requests; 0 = never
	began      time.Time     // when its spawn began
	cancel     func()        // gives up its spawn; belongs to the driver, as does
	gone       chan struct{} // closed after it was reaped

	child   Child // nil until its spawn has returned
	state   State
	since   time.Time // when it came into state
	readyAt time.Time // when it was put to work
	killed  bool

	requests    int       // in flight
	connections int       // long-lived ones: WebSockets, event streams
	lent        uint64    // how often it was lent
	seen        uint64    // lent when the group last looked
	lastUsed    time.Time // when the group last saw that it was used: exact to the tick
	doubted     time.Time // when it last ended a connection without an answer; zero = it is trusted
	place       int       // in the heap of lendable processes; -1 if it is not there
}

// Child returns what its spawn returned.
func (p *Process) Child() Child { return p.child }

// Generation returns the number of the generation it was spawned for.
func (p *Process) Generation() int { return p.generation.number }

// State is where a process stands in its life, and where that leads.
type State uint8

const (
	Spawning State = iota // its child is starting, or is held back; to Ready, Stopping (given up), Gone (failed)
	Ready                 // takes requests; to Draining (replaced, idle, recycled, close), Gone (crashed)
	Draining              // ends what it has, gets nothing new; to Stopping (empty, or too late), Gone
	Stopping              // is asked to exit, and killed at the deadline; to Gone
	Gone                  // reaped, no longer in its group
)

func (s State) String() string {
	return [...]string{"spawning", "ready", "draining", "stopping", "gone"}[s]
}

// A purpose is why a process is spawned. It decides what limits apply.
type purpose uint8

const (
	holdMin     purpose = iota // fewer than min_processes are there
	serveQueue                 // requests wait
	replacement                // a process is outdated, or worn
)

// load is what it has in flight.
func (p *Process) load() int { return p.requests + p.connections }

// processed is how many requests it has done with.
func (p *Process) processed() uint64 { return p.lent - uint64(p.load()) }

// worn reports whether it has done as many requests as it may.
func (p *Process) worn() bool { return p.limit > 0 && p.processed() >= p.limit }

// matured reports whether it has shown that it works: it was used, or has lived for a while.
func (p *Process) matured(now time.Time) bool {
	return p.lent > 0 || now.Sub(p.readyAt) >= youth
}

// pid is 0 while the spawn has not returned.
func (p *Process) pid() int {
	if p.child == nil {
		return 0
	}
	return p.child.PID()
}

// pairs names it in a log line.
func (p *Process) pairs(more ...any) []any {
	pairs := []any{"process", p.number, "generation", p.generation.number}
	if p.pid() != 0 {
		pairs = append(pairs, "pid", p.pid())
	}
	return append(pairs, more...)
}
