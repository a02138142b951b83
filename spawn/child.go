package spawn

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Child is a running process, and the group that it leads. Its methods may be called at any
// time, also after it is gone.
type Child struct {
	Order // what it was started for

	process
	endpoint         *endpoint
	source           bool      // it serves nothing, and others are forked from it
	began            time.Time // when it was started
	forked           int       // processes, from this source, as noted last
	loaders          string    // the folder of an earlier front that it loads what it needs from; "" = its own
	adopted          bool      // from an earlier front, whose folder it is in
	network, address string
	ready            time.Time // when it was; zero = it is not
	preloaded        preloaded
	stopSignal       syscall.Signal
	backtraceSignal  syscall.Signal // 0 = none
	stop             sync.Once
	reforkAfter      int           // requests, after which it can become a fork source; 0 = it cannot
	answered         atomic.Int64  // requests that it had answered when it was told to become one
	gone             chan struct{} // closed when nothing is left of it, or it is another front's
}

// Network returns "unix" or "tcp".
func (c *Child) Network() string { return c.network }

// Address returns where it accepts connections: the path of a socket, or host:port on loopback.
func (c *Child) Address() string { return c.address }

// Owner returns the number of the user who has to listen there, if that is a socket; -1 = nobody else can have made it.
func (c *Child) Owner() int { return c.endpoint.owner }

// Ready returns since when it serves.
func (c *Child) Ready() time.Time { return c.ready }

// Preloaded returns when the app began to be loaded that it was forked with, and when it had been; zero = it was not
// forked. What was forked from it in turn has the same.
func (c *Child) Preloaded() (began, loaded time.Time) { return c.preloaded.Began, c.preloaded.Loaded }

// Folder returns the folder that its socket is in, with those of other children of its app. A worker has none.
func (c *Child) Folder() string { return filepath.Dir(c.endpoint.folder) }

// Folders returns all folders of its app that it needs: that of its socket, and one that it loads something from.
func (c *Child) Folders() []string {
	if c.loaders == "" {
		return []string{c.Folder()}
	}
	return []string{c.Folder(), c.loaders}
}

// LastLines returns the last lines that it wrote to stdout and stderr, oldest first; at most 50.
func (c *Child) LastLines() []string { return c.output.tail.lines() }

// Stop asks the process group to end, with the app's stop signal, and closes its stdin. What is in the
// group may end after its leader, which is often a wrapper such as npm or sh: it has time until Kill.
// Only the first call does anything.
func (c *Child) Stop() {
	c.stop.Do(func() {
		c.process.Stop(c.stopSignal)
		c.stdin.Close()
	})
}

// Backtrace asks a process that hangs to print where, and reports whether that was possible: false
// if the app has no signal for it, or the process has been reaped. What it prints comes as its
// other output does, to the log and LastLines, and takes a moment: call Kill about a second later.
//
// The whole group is asked, for with gunicorn, or any server that forks, it is not the leader that
// runs the app. A program of the group that does not know the signal dies of it, as it would of
// the Kill that follows.
func (c *Child) Backtrace() bool {
	return c.backtraceSignal != 0 && c.Signal(c.backtraceSignal)
}

// BacktraceSignal returns the name, without its SIG, of the signal that Backtrace sends; "" = none.
func (c *Child) BacktraceSignal() string {
	if c.backtraceSignal == 0 {
		return ""
	}
	return signalName(c.backtraceSignal)
}

// Kill kills the process and everything that it started.
func (c *Child) Kill() { c.process.Kill() }

// Wait returns once the process is reaped, everything that it started is gone, and its socket removed.
// The error says how it exited, "exited with status 1" or "killed by signal KILL"; it is nil for
// status 0, and ErrYielded, at once, when the Spawner has yielded. Any number of callers may wait.
func (c *Child) Wait() error {
	<-c.gone
	return c.exit
}
