package spawn

import (
	"os"
	"syscall"

	"purser/spawn/keeper"
)

// A process is a running program that leads a process group of its own, and its pipes.
type process struct {
	*keeper.Process
	stdin  *os.File
	output *output
	exit   error // why it exited; valid once awaitEnd has returned
}

// own takes over what has just been started; what it prints goes to lines. from says who it is.
func (p *process) own(started *keeper.Process, pipes *pipes, slate *slate, lines Lines, from Line) {
	p.Process, from.PID = started, started.PID()
	p.stdin = pipes.stdin
	p.output = readOutput(lines, from, slate, pipes.stdout, pipes.stderr)
}

// follow has what pid does count as done by p, though it is not in p's group (setsid(2)). The server
// of a release that cannot be signalled would serve on for ever.
func (p *process) follow(pid int) {
	if group, err := syscall.Getpgid(pid); pid > 0 && err == nil && group != p.PID() {
		p.Follow(pid)
	}
}

// awaitEndOr is awaitEnd, unless something happens before: then it reports false.
func (p *process) awaitEndOr(before <-chan struct{}) bool {
	select {
	case <-p.Gone():
	case <-before:
		select {
		case <-p.Gone(): // who is told of that has to see to it
		default:
			return false
		}
	}
	p.awaitEnd()
	return true
}

// yield leaves it to another front.
func (p *process) yield() {
	p.output.yield()
	p.stdin.Close() // the keeper has another
	p.exit = ErrYielded
}

// awaitEnd waits until nothing is left of it, and notes the reason.
func (p *process) awaitEnd() {
	<-p.Gone()
	p.exit = p.Exit()
	p.output.end()
	p.stdin.Close() // of one that was adopted as it stopped there is none
}
