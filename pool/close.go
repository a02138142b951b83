package pool

import "time"

// This file is the end of a group: of one alone, or of all.

// endAlone is close for one app alone, as an operator wants it. Purser goes on.
func (g *groupState) endAlone(now time.Time) {
	g.stopped = g.stopped || !g.closed
	g.close(now)
}

// refusal is what requests are told of a group that is closed.
func (g *groupState) refusal() error {
	if g.stopped {
		return ErrStopped
	}
	return ErrClosed
}

// close turns requests away and lets every process go.
func (g *groupState) close(now time.Time) {
	if g.closed {
		return
	}
	g.closed = true
	g.awaitRoom(now, nothing)
	if g.next != nil {
		g.dropFollowUp(now, RestartFailed, g.stopFailure(now, g.next.record))
	}
	if r := g.running(); r != nil {
		r.failure = g.stopFailure(now, r)
		g.end(now, r, RestartFailed)
	}
	g.rejectAll(g.refusal())
	for _, p := range g.procs {
		switch p.state {
		case Spawning:
			g.giveUp(now, p)
		case Ready:
			g.drain(now, p, g.ending())
		}
	}
	g.settle(now)
}

// killAll is for a close that has run out of time. It returns how many processes are left to kill.
func (g *groupState) killAll(now time.Time) int {
	g.hurried = true
	for _, p := range g.procs {
		if p.state == Draining {
			g.move(now, p, Stopping, "out of time")
		}
	}
	left := len(g.procs)
	g.settle(now)
	return left
}
