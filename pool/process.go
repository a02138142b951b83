package pool

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Process is one process of a group, from the decision to spawn it until it is gone.
//
// All of it is guarded by its Group's mutex, except what never changes once a request can hold it.
type Process struct {
	// What each round looks at lies together: with a thousand processes it is the cache that counts.
	generation  *generation // what it was spawned for
	child       Child       // nil until its spawn has returned
	requests    int         // in flight
	connections int         // long-lived ones: WebSockets, event streams
	places      int         // that those fill, as a thread is busy with each
	lent        uint64      // how often it was lent
	seen        uint64      // lent when the group last looked
	fruitless   uint64      // requests that ended without an answer
	heard       uint64      // answered when the group last looked
	limit       uint64      // to be replaced after so many requests; 0 = never
	doubted     time.Time   // when it last ended a connection without an answer; zero = it is trusted
	left        time.Time   // when it was let go; zero = it was not
	state       State
	replaces    bool // once it is at work one outdated or worn process may go; false from then on
	replaced    bool // it was let go for another generation, and could serve again
	hung        bool // it was let go as it answered nothing
	outOfMemory bool // the kernel has killed it, for want of memory
	crashed     bool // it has exited, and nobody had asked it to
	refuses     bool // it was let go as it takes no connections: it may be dead, and nobody knows yet
	cut         bool // its start was cut short: its child has proven nothing
	outside     bool // it gave its slot of the pool back, and lives on
	borrowed    bool // the owner of the pool has started it, after this front had yielded
	stage       stage
	refork      reforkPart

	since      time.Time   // when it came into state, or its stage
	stopped    time.Time   // when it came into Stopping
	lastUsed   time.Time   // when the group last saw that it was used: exact to the tick
	readyAt    time.Time   // when it was put to work
	began      time.Time   // when its spawn began
	answeredAt time.Time   // when the group last saw that it had answered, or begun to: exact to the tick
	stuck      []time.Time // when requests were lent of which nothing has come for hang_after, oldest first
	warmAfter  uint64      // requests, after which it can become a fork source; 0 = it cannot
	number     int         // within its group; a lower one is older
	index      int         // among those of its generation that are to stay: the lowest that was free
	role       string      // of a worker; "" = it serves requests
	failures   int         // how many starts of its generation had failed in a row when its own began
	turn       uint64      // when it was last lent, in lendings of its group
	place      int         // in the heap of lendable processes; -1 if it is not there

	cancel  func()        // gives up its spawn; belongs to the driver, as do
	gone    chan struct{} // closed after it was reaped
	leaving chan struct{} // closed when it is asked to exit, or has exited
	leave   sync.Once     // closes leaving
	retired atomic.Bool   // it gets no more requests
	asked   atomic.Bool   // it was asked to exit
	begun   atomic.Int32  // requests whose answers have begun, and take a while
}

// Child returns what its spawn returned.
func (p *Process) Child() Child { return p.child }

// AskedToExit reports whether it was asked to exit.
func (p *Process) AskedToExit() bool { return p.asked.Load() }

// Draining reports whether it gets no more requests, as far as this front knows: in one that has yielded, any may.
func (p *Process) Draining() bool { return p.retired.Load() }

// Leaving returns what is closed when the process was asked to exit, or has exited: what long-lived
// connections there are to it are to be ended.
func (p *Process) Leaving() <-chan struct{} { return p.leaving }

// leaves closes what Leaving returns.
func (p *Process) leaves() { p.leave.Do(func() { close(p.leaving) }) }

// Begins says that the answer of a request that it was lent to has begun, and has to be waited for. Ends must
// follow, after Release. Others need not be told of: they are answered by the time of their Release.
func (p *Process) Begins() { p.begun.Add(1) }

// Ends says that such a request has been given back.
func (p *Process) Ends() { p.begun.Add(-1) }

// Generation returns the number of the generation it was spawned for.
func (p *Process) Generation() int { return p.generation.number }

// State is where a process stands in its life, and where that leads. A worker never drains, nor stands by.
type State uint8

const (
	Spawning State = iota // its child is starting, or is held back; to Ready, Stopping (given up), Gone (failed)
	Ready                 // takes requests; to Draining (replaced, idle, recycled, close), Gone (crashed)
	Draining              // ends what it has, gets nothing new; to Standby or Stopping (empty, or too late), Ready (its code is wanted again), Gone
	Standby               // is kept for a rollback, without requests; to Ready (rolled back), Stopping (the window is over), Gone
	Stopping              // is asked to exit, and killed at the deadline; to Gone
	Gone                  // reaped, no longer in its group
)

func (s State) String() string {
	return [...]string{"spawning", "ready", "draining", "standby", "stopping", "gone"}[s]
}

// A stage is how far it has come to have a process exit, in Stopping.
type stage uint8

const (
	asked  stage = iota // it got TERM, or its spawn was given up
	traced              // it was asked to print where it hangs
	killed              // it got KILL
)

func (p *Process) forgetStuck(since time.Time) {
	if i := slices.Index(p.stuck, since); i >= 0 {
		p.stuck = slices.Delete(p.stuck, i, i+1)
	}
}

// load is what it has in flight.
func (p *Process) load() int { return p.requests + p.connections }

// processed is how many requests it has done with.
func (p *Process) processed() uint64 { return p.lent - uint64(p.load()) }

// answered is how many requests it has answered, or begun to as long-lived connections.
func (p *Process) answered() uint64 { return p.lent - uint64(p.requests) - p.fruitless }

// unanswered is how many requests it has of which nothing has come yet, as far as is known.
func (p *Process) unanswered() int { return p.requests - int(p.begun.Load()) }

const (
	slowAfter = time.Second           // a restart goes on beside a process that takes longer to go
	exitTime  = 50 * time.Millisecond // and beside one that takes longer to exit, once it was asked to
	lostAfter = 5 * time.Second       // what lives so long after KILL is not waited for
)

// slow reports whether it takes its time to go: a restart goes on beside it.
func (p *Process) slow(now time.Time) bool {
	return !p.left.IsZero() && now.Sub(p.left) >= slowAfter || !p.stopped.IsZero() && now.Sub(p.stopped) >= exitTime
}

// lost reports whether it does not go although it was killed: it is not waited for.
func (p *Process) lost(now time.Time) bool {
	return p.stage == killed && now.Sub(p.since) >= lostAfter
}

// onlyConnected reports whether nothing but long-lived connections keeps it.
func (p *Process) onlyConnected() bool {
	return p.state == Draining && p.requests == 0 && p.connections > 0
}

// worn reports whether it has done as many requests as it may, or is to be replaced for a refork.
func (p *Process) worn() bool {
	return p.limit > 0 && p.processed() >= p.limit || p.refork != reforkNone
}

// perhapsDead reports whether its exit is awaited before it is asked to exit: who had not been asked has crashed.
func (p *Process) perhapsDead(now time.Time) bool {
	return p.refuses && p.load() == 0 && now.Before(p.since.Add(deathTime))
}

// revivable reports whether it was let go for another generation, and could serve again.
func (p *Process) revivable() bool {
	return p.replaced && !p.worn() && (p.state == Draining || p.state == Standby)
}

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
	if p.role != "" {
		pairs = append(pairs, "worker", p.role)
	}
	if p.pid() != 0 {
		pairs = append(pairs, "pid", p.pid())
	}
	return append(pairs, more...)
}
