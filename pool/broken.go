package pool

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// exitInternal is the exit code of purser for a fault of its own.
const exitInternal = 70

// endBroken is deferred where a group's lock is held. A panic there leaves the group nobody knows how, and
// its lock held: every further request for the app would hang. So it ends purser, and says so, before anybody
// can recover from it.
func endBroken() {
	if fault := recover(); fault != nil {
		die(fault, debug.Stack())
	}
}

func die(fault any, stack []byte) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		fmt.Fprintf(os.Stderr, "purser: internal error, please report it: %v\n%s", fault, stack)
	}()
	select {
	case <-said:
	case <-time.After(time.Second): // nobody reads
	}
	os.Exit(exitInternal)
}
