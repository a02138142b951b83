package pool

import "time"

// This file is when a group does something by itself.

const (
	slowTick  = time.Second // how often it looks which processes were used
	traceTime = time.Second // for a process to print where it hangs, before it is killed
	deathTime = time.Second // for the exit to be known of one that takes no connections, before it is asked to exit
)

// deadlineOf returns when p's present state is left without anybody's help, or zero.
func (c *course) deadlineOf(p *Process) time.Time {
	switch {
	case p.state == Draining && p.perhapsDead(c.now):
		return p.since.Add(deathTime)
	case p.state == Draining && p.requests > 0:
		return p.since.Add(c.app.DrainTimeout)
	case p.state == Draining:
		return p.since.Add(c.app.WebsocketDrainTimeout)
	case p.state == Standby && c.restart == nil:
		return c.keepUntil
	case p.state != Stopping || p.child == nil || p.stage == killed:
		return time.Time{} // a spawn has its own limit, and what is killed goes
	case c.hurried:
		return p.since
	case p.stage == traced:
		return p.since.Add(traceTime)
	}
	return p.since.Add(c.app.StopTimeout)
}

// await has the group look again when p, which is on its way out, has come further, and when others go on
// beside it.
func (c *course) await(p *Process) {
	c.due.at(c.deadlineOf(p))
	if !p.slow(c.now) {
		c.due.at(p.left.Add(slowAfter))
		if p.state == Stopping {
			c.due.at(p.stopped.Add(exitTime))
		}
	}
	if p.stage == killed {
		c.due.at(p.since.Add(lostAfter))
	}
}

// awaitRestart has it look again when the restart that asked for the wanted generation may go on.
func (c *course) awaitRestart(r *restart) {
	c.due.at(c.wanted.retryAt)
	c.due.at(c.steady.retryAt)
	if r == nil {
		return
	}
	c.due.at(r.quietAt)
	c.due.at(r.probation)
	if !r.switched.IsZero() {
		c.due.at(r.switched.Add(c.app.Restart.SwitchTimeout))
	}
}

// tick is how exactly idle processes are noticed.
func (c *course) tick() time.Duration {
	if c.app.IdleTimeout <= 0 {
		return slowTick
	}
	return min(slowTick, max(c.app.IdleTimeout/4, time.Millisecond))
}
