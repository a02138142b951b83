package pool

import "github.com/hashicorp/go-hclog"

// driver is how a groupState acts on the world. No method blocks, and none calls back before it
// returns: what comes of it arrives later as an event.
type driver interface {
	claim(n need, surge int) bool // takes a slot of the pool; false = there is none now
	wait(n need, promised bool)   // wants to hear of a slot; promised = one of its own becomes free
	leave()                       // does not want to any more
	release()                     // gives a slot back

	spawn(*Process)      // leads to booted or exited
	abort(*Process)      // gives up a spawn; leads to exited, or to booted just before
	stop(*Process)       // asks a started process to exit; leads to exited, one hopes
	refork(*Process)     // makes one a fork source that was to be asked to exit; leads to exited
	trace(*Process) bool // asks it to print where it hangs; false if it does not know how to
	kill(*Process)       // makes it exit; leads to exited
	answer(*waiter)      // wakes the request behind it
	happened(Event)      // a process or a restart came into another state
	moved()              // a restart took a step
	over(*generation)    // nothing of it lives, or will be spawned unless an operator goes back to it
	note(level hclog.Level, message string, pairs ...any)
}
