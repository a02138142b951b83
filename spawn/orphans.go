package spawn

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// orphanAge is how long a dead process is left to whoever started it here.
const orphanAge = time.Second

// ReapOrphans reaps the processes that nobody else will: as PID 1, or as a child subreaper, this
// process inherits what a child leaves behind. It runs until ctx ends. Own children are not taken
// from their Wait: only a process that stays dead over two looks, a second apart, is reaped.
func ReapOrphans(ctx context.Context) {
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	defer signal.Stop(deaths)
	look := time.NewTimer(0) // for what died before
	defer look.Stop()
	armed := true
	var suspects map[int]bool
	for {
		select {
		case <-ctx.Done():
			return
		case <-deaths:
			if armed {
				continue // put off by every death, the look might never come
			}
		case <-look.C:
			suspects = reapAgain(suspects)
			if armed = len(suspects) > 0; !armed {
				continue
			}
		}
		look.Reset(orphanAge)
		armed = true
	}
}

// reapAgain reaps those of the dead children that were suspects already, and returns the others.
func reapAgain(suspects map[int]bool) map[int]bool {
	fresh := map[int]bool{}
	for _, pid := range deadChildren() {
		if suspects[pid] {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		} else {
			fresh[pid] = true
		}
	}
	return fresh
}

// deadChildren returns the children of this process that have exited and are not reaped.
func deadChildren() (pids []int) {
	processes, err := procfs.AllProcs()
	if err != nil {
		return nil // no /proc: nothing can be told apart
	}
	for _, process := range processes {
		stat, err := process.Stat()
		if err == nil && stat.PPID == os.Getpid() && stat.State == "Z" {
			pids = append(pids, process.PID)
		}
	}
	return pids
}
