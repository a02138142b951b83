package harness

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Program is a started program and what it says. The kernel kills it if this process dies.
type Program struct {
	Cmd    *exec.Cmd
	Log    Output        // stdout and stderr, unless Cmd came with its own
	Exited chan struct{} // closed once it is reaped
	err    error
}

// StartProgram starts cmd.
func StartProgram(cmd *exec.Cmd) (*Program, error) {
	p := &Program{Cmd: cmd, Exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.Log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.Log
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = 2 * time.Second
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts and waits on one locked thread: Pdeathsig fires when the starting *thread* dies.
func (p *Program) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.Exited)
	err := p.Cmd.Start()
	started <- err
	if err == nil {
		p.err = p.Cmd.Wait()
	}
}

// PID is its process id.
func (p *Program) PID() int { return p.Cmd.Process.Pid }

// Signal sends sig; a program that has exited is no error.
func (p *Program) Signal(sig syscall.Signal) { _ = p.Cmd.Process.Signal(sig) }

// Wait waits until it has exited and returns its exit code, -1 if a signal ended it.
func (p *Program) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.Exited:
		return p.Cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s (pid %d) has not exited: %w", p.Cmd.Path, p.PID(), context.Cause(ctx))
	}
}

// Stop sends TERM, waits up to limit, then KILL. It returns the exit code.
func (p *Program) Stop(limit time.Duration) (int, error) {
	p.Signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, errors.New("no exit within the limit after TERM"))
	defer cancel()
	code, err := p.Wait(ctx)
	if err != nil {
		p.Signal(syscall.SIGKILL)
		<-p.Exited
	}
	return code, err
}
