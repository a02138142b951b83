package pool

import "time"

// This file is when a group does something by itself.

const (
	slowTick = time.Second // how often it looks which processes were used

	slowAfter = time.Second           // a restart goes on beside a process that takes longer to go
	exitTime  = 50 * time.Millisecond // and beside one that takes longer to exit, once it was asked to
	traceTime = time.Second           // for a process to print where it hangs, before it is killed
	lostAfter = 5 * time.Second       // what lives so long after KILL is not waited for
)

// deadlineOf returns when p's present state is left without anybody's help, or zero.
func (g *groupState) deadlineOf(p *Process) time.Time {
	switch {
	case p.state == Draining && p.requests > 0:
		return p.since.Add(g.app.DrainTimeout)
	case p.state == Draining:
		return p.since.Add(g.app.WebsocketDrainTimeout)
	case p.state == Stopping && p.child != nil && !p.killed && g.hurried:
		return p.since
	case p.state == Standby:
		return g.keepLimit()
	case p.state == Stopping && p.child != nil && !p.killed && p.traced:
		return p.since.Add(traceTime)
	case p.state == Stopping && p.child != nil && !p.killed:
		return p.since.Add(g.app.StopTimeout)
	}
	return time.Time{} // a spawn has its own limit, and what is killed goes
}

// keepLimit returns when what is kept for a rollback is let go, or zero while a restart runs.
func (g *groupState) keepLimit() time.Time {
	if g.running() != nil {
		return time.Time{}
	}
	return g.keepUntil
}

// deadline returns the time after now of the next move that no event will bring about, or zero.
func (g *groupState) deadline(now time.Time) time.Time {
	var next time.Time
	at := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, p := range g.procs {
		at(g.deadlineOf(p))
		if !p.left.IsZero() && !p.slow {
			at(p.left.Add(slowAfter))
			if p.state == Stopping {
				at(p.since.Add(exitTime))
			}
		}
		if len(p.stuck) > 0 {
			at(g.hangsAt(p))
		}
		if p.killed && !p.lost {
			at(p.since.Add(lostAfter))
		}
	}
	if w := g.queue.first; w != nil {
		at(w.deadline)
	}
	if g.closed {
		return next
	}
	if !g.hang.others.IsZero() {
		at(g.relieveAt())
	}
	at(g.wanted.retryAt)
	at(g.steady().retryAt)
	if r := g.restartTo(g.wanted); r != nil {
		at(r.quietAt)
		at(r.probation)
		if !r.switched.IsZero() {
			at(g.switchLimit(r))
		}
	}
	if len(g.lendable.heap) > 0 {
		at(now.Add(g.tick()))
	}
	return next
}

// tick is how exactly idle processes are noticed.
func (g *groupState) tick() time.Duration {
	if g.app.IdleTimeout <= 0 {
		return slowTick
	}
	return min(slowTick, max(g.app.IdleTimeout/4, time.Millisecond))
}
