package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"
)

// runInit is purser as process 1 of a container. The kernel hands process 1 every orphan, and it
// gets no default signal handling, so the real purser runs as a child of this tiny init: it passes
// signals on, reaps whatever ends, and ends with its child's exit code. With it, the kernel kills
// what is left (pid_namespaces(7)).
func runInit(stderr io.Writer) int {
	signals := make(chan os.Signal, 32)
	signal.Notify(signals) // before the start, so that none is lost
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// In a group of its own, Ctrl-C on a terminal reaches it once, through here, and not twice: the
	// second would mean "at once".
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "purser: cannot start purser below process 1: %v\n", err)
		return exitInternal
	}
	go forward(signals, cmd.Process.Pid) // for as long as process 1 lives
	return reap(cmd.Process.Pid)
}

// forward passes signals on, but for those that are about this process itself.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		number, ok := s.(unix.Signal)
		if ok && number != unix.SIGCHLD && number != unix.SIGURG && number != unix.SIGPIPE {
			unix.Kill(pid, number) // fails only if the child has just ended, which reap sees
		}
	}
}

// reap collects everything that ends until the child does, and returns the child's exit code, or
// 128 and the signal that ended it, as a shell does.
func reap(child int) int {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return exitInternal // ECHILD: somebody else reaped the child
		case pid == child && ws.Signaled():
			return 128 + int(ws.Signal())
		case pid == child && ws.Exited():
			return ws.ExitStatus()
		}
	}
}
