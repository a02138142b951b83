package pool

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
)

// groupState is everything a Group knows. Its methods are the events that can befall a group: each
// records one fact and then settles. It has no goroutine, no lock and no clock, so a test can play
// any history to it, step by step, and get the same answer every time.
//
// Group guards it with a mutex and supplies the time.
type groupState struct {
	app  conf.App
	os   driver
	rand *rand.Rand

	wanted   *generation   // the newest
	good     *generation   // the newest that is known to work; nil until a process was put to work
	past     []*generation // those that were good before it, newest last
	procs    []*Process    // every process not yet gone, oldest first
	lendable lendable      // those of them that are ready
	queue    queue         // empty unless nothing lendable that may serve it has room
	restarts []*restart    // the last few, newest last
	next     *followUp     // what is to follow the one that runs; nil = nothing

	withdrawn int       // the newest generation that was taken back, or could not take over
	impatient time.Time // since when boots have been given up for newer restarts; zero = they were not
	keepUntil time.Time // what the last good generation has replaced is kept for a rollback
	spare     int       // so many of those fit into memory; -1 = any number

	processed uint64 // requests done with by processes that are gone
	spawned   int    // processes so far
	moves     int    // of processes and restarts so far: settle makes rounds until one makes none
	keep      int    // for the next settle: a recycled process is replaced, even above min, if there is room
	hang      hang   // that the group was found hung
	refused   bool   // the pool had no room for a process when it was asked last
	closed    bool
	settling  bool   // under way
	known     census // while settling, as of so many moves
	counted   int
	hurried   bool // close has run out of time
}

// driver is how a groupState acts on the world. No method blocks, and none calls back before it
// returns: what comes of it arrives later as an event.
type driver interface {
	claim(n need, surge int) bool // takes a slot of the pool; false = there is none now
	wait(n need, promised bool)   // wants to hear of a slot; promised = one of its own becomes free
	leave()                       // does not want to any more
	release()                     // gives a slot back

	spawn(*Process)      // leads to booted or exited
	abort(*Process)      // gives up a spawn; leads to exited, or to booted just before
	stop(*Process)       // asks a started process to exit; leads to exited, one hopes
	trace(*Process) bool // asks it to print where it hangs; false if it does not know how to
	kill(*Process)       // makes it exit; leads to exited
	answer(*waiter)      // wakes the request behind it
	happened(Event)      // a process or a restart came into another state
	moved()              // a restart took a step
	note(level hclog.Level, message string, pairs ...any)
}

func newGroupState(app conf.App, release Release, os driver, r *rand.Rand) groupState {
	return groupState{
		app:      app,
		os:       os,
		rand:     r,
		wanted:   &generation{number: 1, release: release},
		spare:    -1,
		lendable: lendable{concurrency: app.Concurrency},
	}
}

// lend lends the process that fits a wish best if one has room that may serve it, else nil. Nobody is
// overtaken: where one has room, no request that could have it waits. This and giveBack are the path
// of every request: no clock, no allocation, no settling, and no walk over the processes unless some
// of them are too old for the request, or it is sent again.
func (g *groupState) lend(w Wish) *Process {
	p := g.lendable.first()
	if p != nil && w != (Wish{}) && !w.fits(p) {
		p = g.lendable.firstFor(Wish{g.pinned(w.Pin), w.Avoid})
	}
	if p != nil {
		p.requests++
		p.lent++
		g.lendable.took(p)
	}
	return p
}

// giveBack takes a process back from a request, and reports whether that calls for release.
func (g *groupState) giveBack(p *Process, o Outcome) (more bool) {
	if p.requests == 0 {
		panic("BUG: a process is released that was not lent")
	}
	p.requests--
	p.generation.tally.add(o)
	if o == Unanswered {
		p.fruitless++
	}
	return g.relieved(p) || o == Erred && g.onTrial(p)
}

// hold counts a lent request as a long-lived connection from here on.
func (g *groupState) hold(p *Process) (more bool) {
	if p.requests == 0 {
		panic("BUG: a process is held that was not lent")
	}
	p.requests--
	p.connections++
	p.generation.tally.add(Worked)
	return g.relieved(p)
}

// stream is hold for a connection that goes on filling its place.
func (g *groupState) stream(p *Process) (more bool) {
	p.places++
	return g.hold(p)
}

// endStream is drop for one of those.
func (g *groupState) endStream(p *Process) (more bool) {
	p.places--
	return g.drop(p)
}

// drop ends a long-lived connection. It reports whether that calls for release.
func (g *groupState) drop(p *Process) (more bool) {
	if p.connections == 0 {
		panic("BUG: a connection is dropped that was not held")
	}
	p.connections--
	return g.relieved(p)
}

func (g *groupState) relieved(p *Process) (more bool) {
	g.lendable.moved(p)
	return g.queue.length > 0 || p.state == Draining || p.limit > 0 && p.processed() == p.limit
}

// released follows a giveBack, hold or drop that can change something.
func (g *groupState) released(now time.Time, p *Process) {
	if p.state == Ready && !p.worn() && !g.refused && !g.onTrial(p) {
		g.lendQueue() // a shorter queue is all that comes of it
		return
	}
	g.settle(now)
}

// acquire queues a request and answers it at once if it can.
func (g *groupState) acquire(now time.Time, w *waiter) error {
	switch {
	case g.closed:
		return ErrClosed
	case g.queueFull():
		return ErrQueueFull
	}
	if g.app.QueueTimeout > 0 {
		w.deadline = now.Add(g.app.QueueTimeout)
	}
	g.queue.push(w)
	g.settle(now)
	return nil
}

// queueFull reports whether acquire would refuse a request for want of a place to wait.
func (g *groupState) queueFull() bool {
	return g.app.MaxQueue > 0 && g.queue.length >= g.app.MaxQueue
}

// abandon forgets a request whose client has gone. It may have been lent a process a moment ago.
func (g *groupState) abandon(now time.Time, w *waiter) {
	switch {
	case w.queued:
		g.queue.remove(w)
	case w.proc != nil:
		w.proc.lent-- // nothing was sent to it
		g.giveBack(w.proc, Unanswered)
		w.proc = nil
	}
	g.settle(now)
}

// booted records that the spawn of p has returned: its child is ready.
func (g *groupState) booted(now time.Time, p *Process, child Child) {
	p.child = child
	switch p.state {
	case Spawning: // settle puts it to work, or holds it back
	case Stopping: // given up just as it got ready
		g.tellToExit(now, p)
	default:
		panic("BUG: a process boots that is " + p.state.String())
	}
	g.settle(now)
}

// exited records that nothing is left of p, for whatever reason.
func (g *groupState) exited(now time.Time, p *Process, err error) {
	was := p.state
	if was == Gone {
		panic("BUG: a process exits twice")
	}
	g.move(now, p, Gone, g.reason(err))
	g.procs = slices.DeleteFunc(g.procs, func(q *Process) bool { return q == p })
	g.os.release()
	g.processed += p.processed()
	switch was {
	case Spawning:
		g.startFailed(now, p, err)
	case Ready:
		g.crashed(now, p, err)
	default:
		g.os.note(hclog.Info, "process exited", p.pairs("state", was, "reason", g.reason(err))...)
	}
	g.step(now, g.running(), "gone", p)
	g.settle(now)
}

// recycle replaces a process that misbehaves. Nothing new is sent to it, so there is no point in
// waiting for the replacement.
func (g *groupState) recycle(now time.Time, p *Process, why string) {
	if p.state == Ready {
		g.keep = min(g.census().ready, g.app.MaxProcesses)
		g.drain(now, p, why)
	}
	g.settle(now)
}

// detach replaces the process with that pid, as recycle does. It reports whether there is one.
func (g *groupState) detach(now time.Time, pid int, why string) bool {
	for _, p := range g.procs {
		if p.state == Ready && p.pid() == pid {
			g.recycle(now, p, why)
			return true
		}
	}
	return false
}

// doubt lends a process only if there is no other, for a while: it ended a connection without an
// answer. If it is dying, its exit will tell.
func (g *groupState) doubt(now time.Time, p *Process) {
	p.doubted = now
	g.lendable.moved(p)
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
	g.reject(ErrClosed)
	for _, p := range g.procs {
		switch p.state {
		case Spawning:
			g.giveUp(now, p)
		case Ready:
			g.drain(now, p, "purser is stopping")
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
