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

// stuck records that nothing has come of a request to p for hang_after, and returns since when it has been there.
func (g *groupState) stuck(now time.Time, p *Process) (since time.Time) {
	since = now.Add(-g.app.HangAfter)
	p.stuck = append(p.stuck, since)
	g.settle(now)
	return since
}

// unstuck records that such a request has begun to be answered, or has ended.
func (g *groupState) unstuck(now time.Time, p *Process, since time.Time) {
	if i := slices.Index(p.stuck, since); i >= 0 {
		p.stuck = slices.Delete(p.stuck, i, i+1)
	}
	g.settle(now)
}

// hangs reports whether p has such a request, and has answered nothing either in that time.
func (g *groupState) hangs(now time.Time, p *Process) bool {
	return p.state == Ready && len(p.stuck) > 0 && !now.Before(g.hangsAt(p))
}

// hangsAt is when p, which has such a request, has answered nothing for hang_after.
func (g *groupState) hangsAt(p *Process) time.Time { return p.answeredAt.Add(g.app.HangAfter) }

// hung reports whether all that serves hangs.
func (g *groupState) hung(now time.Time) (hung bool) {
	for _, p := range g.procs {
		if p.state != Ready {
			continue
		}
		if hung = g.hangs(now, p); !hung {
			return false
		}
	}
	return hung
}

// noteHang notes that the group has come to hang, or does not any more.
func (g *groupState) noteHang(now time.Time) {
	if hung := g.hung(now); hung != g.hang.all {
		g.hang.all = hung
		g.hang.some = g.hang.some || hung
		if hung {
			g.sayHung(now)
		}
	}
}

// relieve lets the process go that has hung for longest, if that helps somebody: the group was found hung, and
// others wait. The next one goes only when there is another in its place, or that has failed.
func (g *groupState) relieve(now time.Time) {
	if g.noteHang(now); !g.hang.some {
		return
	}
	worst := g.longestStuck(now)
	switch {
	case worst == nil:
		g.hang = hang{}
		return
	case !g.othersWait():
		g.hang.others = time.Time{}
		return
	case g.hang.others.IsZero():
		g.hang.others = now
	}
	if now.Before(g.relieveAt()) || g.replacingHung() {
		return
	}
	g.hang.spawned, worst.hung = g.spawned, true
	g.keep = min(g.census().ready, g.app.MaxProcesses)
	g.drain(now, worst, "hang_after passed")
}

// relieveAt is when others have waited for long enough.
func (g *groupState) relieveAt() time.Time {
	return g.hang.others.Add(min(hindered, g.app.HangAfter))
}

// replacingHung reports whether another process is under way for the last that was let go, or is yet to be begun.
func (g *groupState) replacingHung() bool {
	begun := g.spawned > g.hang.spawned
	return g.census().spawning > 0 || !begun && slices.ContainsFunc(g.procs, func(p *Process) bool { return p.hung })
}

// longestStuck returns the process that hangs and has the oldest request, or nil if none hangs.
func (g *groupState) longestStuck(now time.Time) (worst *Process) {
	for _, p := range g.procs {
		if g.hangs(now, p) && (worst == nil || p.stuck[0].Before(worst.stuck[0])) {
			worst = p
		}
	}
	return worst
}

// othersWait reports whether any request but the oldest of each process is unanswered, in the queue or in a process.
func (g *groupState) othersWait() bool {
	return g.queue.length > 0 || slices.ContainsFunc(g.procs, func(p *Process) bool { return p.state == Ready && p.unanswered() > 1 })
}

func (g *groupState) sayHung(now time.Time) {
	h := g.hungSnapshot(now)
	pids := make([]int, 0, len(h.Processes))
	for _, p := range h.Processes {
		pids = append(pids, p.PID)
	}
	g.os.note(hclog.Warn, "app hangs: no process answers", "requests", h.Requests, "pids", pids, "since", h.Since, "hang-after", g.app.HangAfter)
}

// hungSnapshot tells how the group hangs, or returns nil if it does not.
func (g *groupState) hungSnapshot(now time.Time) *HungSnapshot {
	if !g.hung(now) {
		return nil
	}
	h := &HungSnapshot{}
	for _, p := range g.procs {
		if p.state != Ready {
			continue
		}
		one := HungProcess{PID: p.pid(), Requests: len(p.stuck), Since: p.stuck[0]}
		h.Requests += one.Requests
		h.Processes = append(h.Processes, one)
		for _, t := range []time.Time{p.stuck[0], p.answeredAt} {
			if t.After(h.Since) {
				h.Since = t
			}
		}
		if tracer, ok := p.child.(interface{ BacktraceSignal() string }); ok {
			h.BacktraceSignal = tracer.BacktraceSignal()
		}
	}
	return h
}
