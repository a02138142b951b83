package spawn

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process is a running program that leads a process group of its own, and its pipes.
type process struct {
	pid    int
	stdin  *os.File
	output *output
	exited chan struct{} // closed as soon as it has exited
	exit   error         // why it exited; valid once awaitEnd has returned

	mu     sync.Mutex  // guards what follows; held while signalling, never while waiting
	reaped bool        // from here on the pid may be someone else's
	stray  *os.Process // who listens for it, if that is a process that has left the group; nil = nobody
}

// own takes over what has just been started; what it prints goes to lines. from says who it is.
func (p *process) own(pid int, pipes *pipes, lines Lines, from Line) {
	p.pid, from.PID = pid, pid
	p.stdin = pipes.stdin
	p.output = readOutput(lines, from, pipes.stdout, pipes.stderr)
	p.exited = make(chan struct{})
}

// signal signals the whole group, and the leader also if it has moved to another one, and a stray:
// nothing that a program does may put it out of reach. It reports whether there was still somebody to
// signal.
func (p *process) signal(s syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return false
	}
	syscall.Kill(-p.pid, s)
	if group, err := syscall.Getpgid(p.pid); err == nil && group != p.pid {
		syscall.Kill(p.pid, s)
	}
	if p.stray != nil {
		p.stray.Signal(s) // by its pidfd: it cannot reach another process
	}
	return true
}

// follow has what pid does count as done by p, though it is not in p's group (setsid(2)). The server
// of a release that cannot be signalled would serve on for ever.
func (p *process) follow(pid int) {
	if group, err := syscall.Getpgid(pid); pid <= 0 || err != nil || group == p.pid {
		return
	}
	stray, err := os.FindProcess(pid)
	if err != nil {
		return // it has exited
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stray = stray
}

// awaitEnd waits for the exit, leaves nothing behind, and notes the reason.
func (p *process) awaitEnd() {
	awaitExit(p.pid)
	close(p.exited)
	p.signal(syscall.SIGKILL) // grandchildren; the dead leader still keeps the group's id ours
	p.exit = p.reap()
	p.output.end()
	p.stdin.Close()
	if p.stray != nil { // nobody sets it any more
		p.stray.Release()
	}
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

func (p *process) reap() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.pid, &status, 0, nil); err != nil {
		return fmt.Errorf("exited, its status is unknown: %w", err)
	}
	return exitReason(status)
}

func exitReason(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return fmt.Errorf("killed by signal %s", signalName(status.Signal()))
	case status.ExitStatus() != 0:
		return fmt.Errorf("exited with status %d", status.ExitStatus())
	}
	return nil
}
