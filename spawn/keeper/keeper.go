// Package keeper is the small process of purser that is the parent of every child: it forks them on
// request, signals and reaps them, and ends with each of them everything that it started, also what
// moved to a session of its own or lost its parent. When purser ends, in whatever way, the pipe
// between the two ends, and the keeper kills all that is left below it.
//
// A Keeper is the side of purser; Run is the side of the process.
package keeper

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
)

// A Keeper has children forked by a process that it starts with the first of them. If that process
// dies, all children are dead as well, and the next one comes from a new process. The zero value is
// ready; Close it at the end.
type Keeper struct {
	mu     sync.Mutex // guards what follows; held while the process is started
	link   *link      // to the process; nil before the first child
	closed bool
}

// A Program is what to run.
type Program struct {
	Path, Dir string
	Args, Env []string
	Files     [3]uintptr // stdin, stdout and stderr
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

// PID returns the keeper's process id, 0 before the first child.
func (k *Keeper) PID() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.link == nil {
		return 0
	}
	return k.link.process.Pid
}

// Kill ends the process that does not do what it is told any more, and everything that it forked.
func (k *Keeper) Kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.link != nil {
		_ = k.link.process.Kill()
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
	if k.link != nil {
		k.link.close() // it has died: wait until nothing is left of it
	}
	l, err := start()
	if err != nil {
		return nil, fmt.Errorf("cannot start the process that runs the apps: %w", err)
	}
	k.link = l
	return l, nil
}

// text is the program as one text, which no string of a program can break: none may contain NUL.
func (p Program) text() (string, error) {
	fields := append([]string{p.Path, p.Dir, fmt.Sprint(len(p.Args))}, p.Args...)
	fields = append(fields, p.Env...)
	text := strings.Join(fields, "\x00")
	if strings.Count(text, "\x00") != len(fields)-1 {
		return "", os.ErrInvalid
	}
	return text, nil
}
