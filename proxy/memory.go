package proxy

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"
)

const (
	memoryLook  = 15 * time.Second       // between two looks
	memoryIdle  = 32 << 20               // less than that lies unused without harm
	memoryAgain = 4                      // looks: what was in use then may be garbage by now, if it is much
	memoryQuiet = 500 * time.Millisecond // of processor time from one look to the next: less is a quiet time
)

// A memoryKeeper gives memory back to the system that was borrowed for a burst, the first of which is the start. A
// quiet server allocates next to nothing, so the collector has no reason to run, and what it frees the runtime keeps
// for the next burst.
//
// What a burst may borrow is bounded: bodies and answers that wait have buffer_memory together, and at most 64 KiB
// each; a request has 32 KiB to be read with and 64 KiB towards its app, and leaves as much again as garbage; the
// rest is in files. What is left after a look in a quiet time is what was in use then or a minute before, and as much
// again plus 32 MiB.
type memoryKeeper struct {
	kept uint64        // of the heap after the last collection for this purpose, or less; 0 before the first
	ago  int           // how many looks ago that was
	used time.Duration // processor time at the last look
}

// keepMemory looks until ctx ends.
func keepMemory(ctx context.Context) {
	t := time.NewTicker(memoryLook)
	defer t.Stop()
	var k memoryKeeper
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if k.look(heapHeld(), processorTime()) {
			k.kept, k.ago, k.used = release(), 0, processorTime()
		}
	}
}

// look reports whether so much is held that it is to be given back. In busy times the next requests would
// only ask for it again.
func (k *memoryKeeper) look(held uint64, used time.Duration) bool {
	quiet := used-k.used < memoryQuiet
	k.used = used
	k.kept = min(k.kept, held)
	k.ago++
	return quiet && (k.kept == 0 || held > 2*k.kept+memoryIdle || held > 2*memoryIdle && k.ago >= memoryAgain)
}

// release gives back what is not in use, and returns what is held then. What pools of memory keep they give
// up at the second collection.
func release() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	return heapHeld()
}

// heapHeld is how much of the system's memory the heap has, in use or not.
func heapHeld() uint64 {
	all := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(all)
	held := uint64(0)
	for _, s := range all {
		held += s.Value.Uint64()
	}
	return held
}

// processorTime is how much of it this process has used.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
