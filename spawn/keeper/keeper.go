// Package keeper is how the processes of purser hang together.
//
// The main process, which is the one that people and systemd know, starts the keeper (Main). The keeper (Run) is
// the parent of everything else: it forks, signals and reaps the children of apps, and ends with each of them
// everything that it started, also what moved to a session of its own or lost its parent. Its first child is the
// front, which serves and has all the logic (Inherit). When a front ends as it should not, the keeper starts the
// next one and hands it what outlives fronts: the children and our ends of their pipes, descriptors, notes.
//
// In an upgrade (Keeper.Upgrade) several fronts live: one owns the children, old ones finish what they have. The keeper itself
// becomes the new binary in place: the same process, with the same children and descriptors. Only the main process remains
// of the binary that purser was started from, so what it says and hears never changes.
//
// If the main process or the keeper dies, in whatever way, the other kills all that is below it.
//
// A Keeper is the side of who has children. One that is not of a front has a keeper process below itself.
package keeper

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// A Keeper has children forked. That of a front comes from Inherit. The zero value is ready, too, for tests and
// for who has no front: it starts a process of its own with the first child; if that process dies, all children
// are dead as well, and the next one comes from a new process. Close it at the end.
type Keeper struct {
	front    bool // its process is above
	confined bool // and does only what grants name

	mu     sync.Mutex // guards what follows; held while the process is started
	link   *link      // to the process; nil before the first child
	closed bool
}

// Fork runs a program as the leader of a new process group. Its files may be closed afterwards.
func (k *Keeper) Fork(p Program) (*Process, error) {
	process, err := k.fork(p)
	if errors.Is(err, errDead) { // it died a moment ago, and what it may have forked is gone
		process, err = k.fork(p)
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) {
		return nil, fmt.Errorf("the system allows no more processes (a limit of processes or of memory): %w", err)
	}
	return process, err
}

func (k *Keeper) fork(p Program) (*Process, error) {
	l, err := k.living()
	if err != nil {
		return nil, err
	}
	return l.fork(p)
}

func (k *Keeper) current() *link {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.link
}

// PID returns the keeper's process id, 0 before the first child.
func (k *Keeper) PID() int {
	switch l := k.current(); {
	case l == nil:
		return 0
	case l.process == nil:
		return os.Getppid()
	default:
		return l.process.Pid
	}
}

// Kill ends the process that does not do what it is told any more, and everything that it forked. With that of a
// front, the front itself and all of purser end; a front that is not the owner cannot.
func (k *Keeper) Kill() {
	switch l := k.current(); {
	case l == nil:
	case l.process != nil:
		_ = l.process.Kill()
	case l.owns.Load():
		_ = syscall.Kill(os.Getppid(), syscall.SIGKILL)
	}
}

// Close kills everything that was forked and is left, and returns when it is gone.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.link != nil {
		k.link.close()
	}
}

// living returns the link to a process that lives, and starts one if there is none.
func (k *Keeper) living() (*link, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, errors.New("purser is stopping")
	}
	if k.link != nil && !k.link.isDead() {
		return k.link, nil
	}
	if k.front {
		return nil, errDead // and so is soon this process
	}
	if k.link != nil {
		k.link.close() // it has died: wait until nothing is left of it
	}
	process, conn, err := launch(0) // which thread starts it says nothing
	if err != nil {
		return nil, fmt.Errorf("cannot start the process that runs the apps: %w", err)
	}
	k.link = newLink(process, conn)
	return k.link, nil
}
