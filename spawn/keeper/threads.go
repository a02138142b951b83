package keeper

import (
	"runtime"
	"sync"
)

// ReserveThreads has the runtime start n threads that it keeps for later. It ends the program when it
// needs a thread and a limit of processes (pids.max, TasksMax, RLIMIT_NPROC) allows none: so the
// threads have to be there before the limit is reached.
func ReserveThreads(n int) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for range n {
		done.Go(func() {
			runtime.LockOSThread() // so that each of them has one of its own
			defer runtime.UnlockOSThread()
			ready.Done()
			ready.Wait()
		})
	}
	done.Wait()
}
