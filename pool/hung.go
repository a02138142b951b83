package pool

import (
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is what a group does about processes that take requests and never answer them.
//
// It is hung if each of its ready processes has a request of which nothing has come for hang_after, and none of
// them has answered anything in that time. Then they are replaced, one after the other, but only while somebody
// else waits: one slow request, which nobody is hindered by, is left in peace. Long-lived connections and answers
// that have begun never count.

// hindered is for how long somebody else has to wait before a process is replaced for it. A quick request that
// happens to come while a slow one is under way is no reason.
const hindered = 10 * time.Second

// A hang is what a group remembers of hanging.
type hang struct {
	all     bool      // it was hung when it last settled
	some    bool      // it was hung, and some of its ready processes have hung ever since
	others  time.Time // since when somebody else waits; zero = nobody does
	spawned int       // how many processes there had been when one was last let go for it
}

// stuck records that nothing has come of a request to p which it has had since then.
func (g *groupState) stuck(now time.Time, p *Process, since time.Time) {
	p.stuck = append(p.stuck, since)
	g.settle(now)
}

// unstuck records that such a request has begun to be answered, or has ended.
func (g *groupState) unstuck(now time.Time, p *Process, since time.Time) {
	if i := slices.Index(p.stuck, since); i >= 0 {
		p.stuck = slices.Delete(p.stuck, i, i+1)
	}
	g.settle(now)
}

// countStuck counts p, which has such a request, if it hangs, and has the group look again when it comes to.
func (c *course) countStuck(p *Process) {
	if c.hangs(p) {
		c.hanging++
	} else if c.app.HangAfter > 0 {
		c.due.at(p.silentSince().Add(c.app.HangAfter))
	}
}

// hangs reports whether p serves, and nothing has come of it for hang_after though it was asked.
func (c *course) hangs(p *Process) bool {
	return p.state == Ready && len(p.stuck) > 0 && c.app.HangAfter > 0 && c.now.Sub(p.silentSince()) >= c.app.HangAfter
}

// silentSince is since when p, which has a request that nothing comes of, has answered nothing.
func (p *Process) silentSince() time.Time {
	if p.answeredAt.After(p.stuck[0]) {
		return p.answeredAt
	}
	return p.stuck[0]
}

// hung reports whether all that serves hangs.
func (c *course) hung() bool { return c.ready > 0 && c.hanging == c.ready }

// noteHang notes that the group has come to hang, or does not any more.
func (g *groupState) noteHang(c *course) {
	if hung := c.hung(); hung != g.hang.all {
		g.hang.all = hung
		g.hang.some = g.hang.some || hung
		if hung {
			h := c.hungSnapshot()
			g.os.note(hclog.Warn, "app hangs: no process answers", "requests", h.Requests, "pids", h.pids(), "since", h.Since, "hang-after", g.app.HangAfter)
		}
	}
}

// relieve lets the process go that has hung for longest, if that helps somebody: the group was found hung, and
// others wait. The next one goes only when there is another in its place, or that has failed.
func (g *groupState) relieve(c *course) {
	if g.noteHang(c); !g.hang.some {
		return
	}
	worst := c.longestStuck()
	switch {
	case worst == nil:
		g.hang = hang{}
		return
	case !g.othersWait():
		g.hang.others = time.Time{}
		return
	case g.hang.others.IsZero():
		g.hang.others = c.now
	}
	if c.now.Before(g.relieveAt()) || g.replacingHung(c) {
		return
	}
	g.hang.spawned, worst.hung = g.spawned, true
	g.keep = min(c.ready, g.app.MaxProcesses)
	g.drain(c.now, worst, "hang_after passed")
}

// relieveAt is when others have waited for long enough.
func (g *groupState) relieveAt() time.Time {
	return g.hang.others.Add(min(hindered, g.app.HangAfter))
}

// replacingHung reports whether another process is under way for the last that was let go, or is yet to be begun.
func (g *groupState) replacingHung(c *course) bool {
	begun := g.spawned > g.hang.spawned
	return c.spawning > 0 || !begun && slices.ContainsFunc(g.procs, func(p *Process) bool { return p.hung })
}

// othersWait reports whether any request but the oldest of each process is unanswered, in the queue or in a process.
func (g *groupState) othersWait() bool {
	return g.queue.length > 0 || slices.ContainsFunc(g.lendable.heap, func(p *Process) bool { return p.unanswered() > 1 })
}

// longestStuck returns the process that hangs and has the oldest request, or nil if none hangs.
func (c *course) longestStuck() (worst *Process) {
	for _, p := range c.procs {
		if c.hangs(p) && (worst == nil || p.stuck[0].Before(worst.stuck[0])) {
			worst = p
		}
	}
	return worst
}

// hungSnapshot tells how the group hangs, or returns nil if it does not.
func (c *course) hungSnapshot() *HungSnapshot {
	if !c.hung() {
		return nil
	}
	h := &HungSnapshot{}
	for _, p := range c.procs {
		if p.state != Ready {
			continue
		}
		h.Requests += len(p.stuck)
		h.Processes = append(h.Processes, HungProcess{PID: p.pid(), Requests: len(p.stuck), Since: p.stuck[0]})
		if since := p.silentSince(); since.After(h.Since) {
			h.Since = since
		}
		if tracer, ok := p.child.(interface{ BacktraceSignal() string }); ok {
			h.BacktraceSignal = tracer.BacktraceSignal()
		}
	}
	return h
}

func (h *HungSnapshot) pids() (pids []int) {
	for _, p := range h.Processes {
		pids = append(pids, p.PID)
	}
	return pids
}
