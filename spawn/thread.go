package spawn

import (
	"runtime"
	"syscall"
)

// forkThread runs every fork of a Spawner on one OS thread, and keeps that thread until Close. The
// kernel sends a child its death signal when the thread that forked it ends, not the process; any
// other goroutine may lose its thread at any time.
func (s *Spawner) forkThread() {
	defer close(s.threadEnd)
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	for fork := range s.forks {
		fork()
	}
}

// fork is forkExec on that thread.
func (s *Spawner) fork(program string, argv, env []string, dir string, p *pipes) (pid int, err error) {
	done := make(chan struct{})
	s.forks <- func() {
		defer close(done)
		pid, err = forkExec(program, argv, env, dir, p)
	}
	<-done
	return pid, err
}

// forkExec starts program as leader of a new process group and returns its pid. The kernel kills
// it when the calling thread ends.
func forkExec(program string, argv, env []string, dir string, p *pipes) (pid int, err error) {
	return syscall.ForkExec(program, argv, &syscall.ProcAttr{
		Dir:   dir,
		Env:   env,
		Files: p.childSide[:],
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
}
