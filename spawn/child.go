package spawn

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Child is a running process, and the group that it leads. Its methods may be called at any
// time, also after it is gone.
type Child struct {
	Order // what it was started for

	pid              int
	endpoint         *endpoint
	network, address string
	stopSignal       syscall.Signal
	stdin            *os.File
	output           *output
	stop             sync.Once
	exited           chan struct{} // closed as soon as it has exited
	gone             chan struct{} // closed when nothing is left of it
	exit             error         // why it exited; valid once gone is closed

	mu     sync.Mutex // guards reaped; held while signalling, never while waiting
	reaped bool       // from here on the pid may be someone else's
}

// PID returns the process id, which is also the id of its process group.
func (c *Child) PID() int { return c.pid }

// Network returns "unix" or "tcp".
func (c *Child) Network() string { return c.network }

// Address returns where it accepts connections: the path of a socket, or host:port on loopback.
func (c *Child) Address() string { return c.address }

// LastLines returns the last lines that it wrote to stdout and stderr, oldest first; at most 50.
func (c *Child) LastLines() []string { return c.output.tail.lines() }

// Stop asks the process group to end, with the app's stop signal, and closes its stdin. Only the
// first call does anything.
func (c *Child) Stop() {
	c.stop.Do(func() {
		c.signal(c.stopSignal)
		c.stdin.Close()
	})
}

// Kill kills the process group.
func (c *Child) Kill() { c.signal(syscall.SIGKILL) }

// Wait returns once the process is reaped, the rest of its group killed, and its socket removed.
// The error says how it exited, "exited with status 1" or "killed by signal KILL"; it is nil for
// status 0. Any number of callers may wait.
func (c *Child) Wait() error {
	<-c.gone
	return c.exit
}

// signal signals the whole group. It can only fail if nothing of the group is left.
func (c *Child) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		syscall.Kill(-c.pid, s)
	}
}

// awaitEnd waits for the exit, leaves nothing behind, and notes the reason.
func (c *Child) awaitEnd() {
	awaitExit(c.pid)
	close(c.exited)
	c.signal(syscall.SIGKILL) // grandchildren; the dead leader still keeps the group's id ours
	c.exit = c.reap()
	c.output.end()
	c.stop.Do(func() { c.stdin.Close() })
	c.endpoint.remove()
}

// awaitExit waits until pid has exited, without reaping it.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return // nil, or ECHILD if it is reaped already
		}
	}
}

func (c *Child) reap() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reaped = true
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(c.pid, &status, 0, nil); err != nil {
		return fmt.Errorf("exited, its status is unknown: %w", err)
	}
	return exitReason(status)
}

func exitReason(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		name := strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
		return fmt.Errorf("killed by signal %s", name)
	case status.ExitStatus() != 0:
		return fmt.Errorf("exited with status %d", status.ExitStatus())
	}
	return nil
}
