package keeper

import (
	"errors"
	"syscall"
)

// A Process is a child of the keeper: the leader of a process group, and all that it has started.
// Its methods may be called at any time, also after it is gone. Once a front is not the owner any more, what was its
// process is the next one's: it is told no more of it, and nothing that it asks for is done.
type Process struct {
	link    *link
	id      uint32
	name    string
	pid     int
	started chan struct{}
	loaded  chan struct{}
	exited  chan struct{}
	gone    chan struct{}
	failure error              // why it does not run
	status  syscall.WaitStatus // valid when it has exited
	short   shortage           // likewise
	lost    bool               // its keeper has died
}

func newProcess(l *link, id uint32, name string) *Process {
	return &Process{link: l, id: id, name: name, started: make(chan struct{}), loaded: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{})}
}

// PID returns the process id, which is also the id of its process group.
func (p *Process) PID() int { return p.pid }

// Loaded is closed when it is a fork source that is ready to fork: one from the start, or by Refork.
func (p *Process) Loaded() <-chan struct{} { return p.loaded }

// Exited is closed when the leader has exited.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Gone is closed when nothing is left of it: after an exit that nobody asked for, everything that it
// started is killed; after Stop, what is in its group has time until Kill.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Stop asks the group to end, by a signal and by the end of stdin as far as the keeper keeps it. It should be
// called only once.
func (p *Process) Stop(s syscall.Signal) { p.tell(verbStop, uint32(s)) }

// Signal signals the group, and reports whether there was still somebody to signal.
func (p *Process) Signal(s syscall.Signal) bool { return p.tell(verbSignal, uint32(s)) }

// Kill kills it with all that it has started.
func (p *Process) Kill() { p.tell(verbKill, 0) }

// Refork has a process that was forked from a fork source become one itself. It is to serve nothing any more, and has no
// name from then on. If it cannot, it is asked to end. It is called in place of Stop.
func (p *Process) Refork() { p.tell(verbRefork, 0) }

// Follow has a process that has left the group get all signals that it gets.
func (p *Process) Follow(pid int) { p.tell(verbFollow, uint32(pid)) }

// Exit says how the leader exited, nil for status 0. It is valid when it is gone.
func (p *Process) Exit() error {
	switch {
	case p.lost:
		return errors.New("killed, as " + errDead.Error())
	case p.status != 0:
		return ExitError{p.status, p.short}
	}
	return nil
}

func (p *Process) tell(v verb, number uint32) bool {
	select {
	case <-p.gone:
		return false
	default:
		return message{verb: v, id: p.id, number: number}.send(p.link.conn) == nil
	}
}

// lose is the end of a process whose keeper has died; its link's lock is held.
func (p *Process) lose() {
	p.lost = true
	if p.pid == 0 {
		p.failure = errDead
		close(p.started)
		return
	}
	select {
	case <-p.exited:
		p.lost = false // it had exited before
	default:
		close(p.exited)
	}
	close(p.gone)
}
