package pool

import (
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is what befalls processes, and what follows for their code.

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
	case g.borrows != nil:
	case g.closed:
		return g.refusal()
	case g.paused && g.turnsAway:
		return ErrClosed
	case !w.early:
		if err := g.full(); err != nil {
			return err
		}
	}
	if g.app.QueueTimeout > 0 && w.deadline.IsZero() {
		w.deadline = now.Add(g.app.QueueTimeout)
	}
	if g.borrows != nil {
		if err := g.borrows.acquire(now, w); err != nil {
			return err
		}
	}
	g.queue.push(w)
	g.settle(now)
	return nil
}

// abandon forgets a request whose client has gone. It may have been lent a process a moment ago.
func (g *groupState) abandon(now time.Time, w *waiter) {
	switch {
	case w.queued:
		g.queue.remove(w)
		g.borrows.left(w)
	case w.proc != nil:
		w.proc.lent-- // nothing was sent to it
		if g.borrows != nil {
			g.borrows.says(verbReturn, w.proc, Unanswered)
			w.proc.requests--
		} else {
			g.giveBack(w.proc, Unanswered)
		}
		w.proc = nil
	}
	g.settle(now)
}

// booted records that the spawn of p has returned: its child is ready. It reports false if the group has yielded.
func (g *groupState) booted(now time.Time, p *Process, child Child) (known bool) {
	if g.borrows != nil {
		return false // the owner ends what was starting
	}
	if p.role != "" {
		g.workerBegan(now, p, child)
		return true
	}
	p.child = child
	p.warmAfter = warmAfter(child)
	g.changes++
	switch p.state {
	case Spawning: // settle puts it to work, or holds it back
	case Stopping: // given up just as it got ready
		g.tellToExit(now, p)
	default:
		panic("BUG: a process boots that is " + p.state.String())
	}
	g.settle(now)
	return true
}

// exited records that nothing is left of p, for whatever reason. It reports false if the group has yielded: then the
// owner says so.
func (g *groupState) exited(now time.Time, p *Process, err error) (known bool) {
	if g.borrows != nil {
		return false
	}
	was := p.state
	if was == Gone {
		panic("BUG: a process exits twice")
	}
	p.outOfMemory = isOutOfMemory(err)
	if p.role != "" {
		g.workerExited(now, p, err)
		return true
	}
	p.crashed = was == Ready || was == Draining && p.refuses
	g.move(now, p, Gone, g.reason(err))
	g.procs = slices.DeleteFunc(g.procs, func(q *Process) bool { return q == p })
	g.giveSlotBack(p)
	g.processed += p.processed()
	for _, d := range g.debts {
		d.gone(p)
	}
	switch {
	case was == Spawning:
		g.startFailed(now, p, err)
	case p.crashed:
		g.crashed(now, p, err)
	default:
		g.reforkEnded(p, err)
		g.os.note(hclog.Info, "process exited", p.pairs("state", was, "reason", g.reason(err))...)
	}
	g.step(now, g.running(), "gone", p)
	g.settle(now)
	return true
}

// recycle replaces a process that misbehaves, if it still serves. Nothing new is sent to it, so there is no point in
// waiting for the replacement.
func (g *groupState) recycle(now time.Time, p *Process, why string) { g.replace(now, p, why, false) }

// refuses is recycle for a process that takes no connections. Most often it is dead, and that is not known yet.
func (g *groupState) refuses(now time.Time, p *Process, why string) { g.replace(now, p, why, true) }

func (g *groupState) replace(now time.Time, p *Process, why string, refuses bool) {
	if g.borrows != nil {
		g.borrows.report(p, ToOwner{Verb: verbRecycle, Why: why, Refuses: refuses})
		return
	}
	if p.state == Ready {
		p.refuses = refuses
		g.keep = min(len(g.lendable.heap), g.app.MaxProcesses)
		g.drain(now, p, why)
	}
	g.settle(now)
}

// stuck records that nothing has come of a request to p which it has had since then.
func (g *groupState) stuck(now time.Time, p *Process, since time.Time) {
	p.stuck = append(p.stuck, since)
	if g.borrows != nil {
		g.borrows.report(p, ToOwner{Verb: verbStuck, Since: since.UnixNano()})
	}
	g.settle(now)
}

// unstuck records that such a request has begun to be answered, or has ended.
func (g *groupState) unstuck(now time.Time, p *Process, since time.Time) {
	p.forgetStuck(since)
	if g.borrows != nil {
		g.borrows.report(p, ToOwner{Verb: verbUnstuck, Since: since.UnixNano()})
	}
	g.settle(now)
}

// hear takes what a front says that borrows. If the group has yielded itself, that comes too late: it is said again to
// the next owner.
func (g *groupState) hear(now time.Time, b *Borrower, m ToOwner) {
	if g.borrows != nil {
		return
	}
	d := g.debts.of(b)
	if d == nil {
		d = &debt{g, b, map[int]*loan{}, map[uint64]*waiter{}}
		g.debts = append(g.debts, d)
	}
	switch m.Verb {
	case verbDeclare:
		d.declare(m)
	case verbAcquire:
		d.acquire(now, m)
	case verbAbandon:
		d.abandon(now, m.Ticket)
	default:
		if l := d.loans[m.Process]; l != nil { // else it is gone
			d.report(now, l, m)
		}
	}
}

// endDebt ends what a front has.
func (g *groupState) endDebt(now time.Time, b *Borrower) {
	d := g.debts.of(b)
	if d == nil {
		return
	}
	g.debts = slices.DeleteFunc(g.debts, func(other *debt) bool { return other == d })
	d.end()
	g.settle(now)
}
