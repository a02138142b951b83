package keeper

import (
	"os"
	"slices"
	"syscall"
)

// This file is what follows a fork, until the program runs. That may take a while, in which all else goes on.

// An execution is that of the program of a child, which is about to run.
type execution struct {
	child  *child
	folder uint32
	by     *peer // who waits for it
}

// A pendingExecution is one that has not come about yet.
type pendingExecution struct {
	execution
	said    *os.File
	failure chan syscall.Errno // has one, 0 = it runs; then the keeper is woken
}

// runs is what follows when a program runs: now, or when that is said.
func (k *keeping) runs(x execution, said *os.File) {
	if said == nil {
		k.granted.bind(x.folder, x.child.id)
		x.by.say(message{verb: verbStarted, id: x.child.id, number: uint32(x.child.pid)})
		return
	}
	p := &pendingExecution{x, said, make(chan syscall.Errno, 1)}
	k.executions = append(k.executions, p)
	go p.await(k.requests)
}

// await ends when it is said, or after mostLimited.
func (p *pendingExecution) await(requests chan<- request) {
	p.failure <- failureOf(p.said)
	requests <- request{execution: p}
}

// endExecution is what follows. Who has asked may be gone meanwhile: then the child is the next one's, which knows of it.
func (k *keeping) endExecution(p *pendingExecution) {
	i := slices.Index(k.executions, p)
	if i < 0 {
		return
	}
	k.executions = slices.Delete(k.executions, i, i+1)
	failure, c := <-p.failure, p.child
	p.said.Close()
	switch {
	case failure == 0 && c.by == p.by:
		k.runs(p.execution, nil)
	case failure == 0:
		k.granted.bind(p.folder, c.id)
	case c.by == p.by:
		c.by, c.name = nil, "" // nobody is told of what never ran
		k.fail(request{message: message{verb: verbFork, id: c.id}, from: p.by}, failure)
		c.kill()
	default:
		c.kill()
	}
}

// endExecutionOf has a child that has exited have run, or not, at once.
func (k *keeping) endExecutionOf(c *child) {
	if i := slices.IndexFunc(k.executions, func(p *pendingExecution) bool { return p.child == c }); i >= 0 {
		k.endExecution(k.executions[i])
	}
}

// endExecutions waits for all: what does not run by then is not to run.
func (k *keeping) endExecutions() {
	for len(k.executions) > 0 {
		k.endExecution(k.executions[0])
	}
}
