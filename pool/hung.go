package pool

import (
	"slices"
	"time"

	"purser/conf"
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
	some    bool      // it was hung, and some of its ready processes have hung ever since
	others  time.Time // since when somebody else waits; zero = nobody does
	spawned int       // how many processes there had been when one was last let go for it
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

// note notes that the group hangs. It reports whether that is news: where the others crash and come again, it is
// not each time.
func (h *hang) note(c *course) (news bool) {
	hung := c.hung()
	news = hung && !h.some
	h.some = h.some || hung
	return news
}

// next returns the process that is to go so that somebody else is helped, or nil: the group was found hung, and
// others wait.
func (h *hang) next(c *course, s *roster, queued int) *Process {
	if !h.some {
		return nil
	}
	worst := c.longestStuck()
	switch {
	case worst == nil:
		*h = hang{}
		return nil
	case queued == 0 && !s.othersWait():
		h.others = time.Time{}
		return nil
	case h.others.IsZero():
		h.others = c.now
	}
	if c.now.Before(h.due(c.app)) || c.spawning > 0 || !h.replaced(s) || !c.renewable() {
		return nil
	}
	h.spawned = s.webs
	return worst
}

// due is when others have waited for long enough; zero if nobody waits.
func (h *hang) due(app *conf.App) time.Time {
	if h.others.IsZero() {
		return time.Time{}
	}
	return h.others.Add(min(hindered, app.HangAfter))
}

// replaced reports whether another process was begun for the last that was let go, or is not to be.
func (h *hang) replaced(s *roster) bool {
	return s.webs > h.spawned || !slices.ContainsFunc(s.procs, func(p *Process) bool { return p.hung })
}

// othersWait reports whether any request but the oldest of each process is unanswered in a process.
func (s *roster) othersWait() bool {
	return slices.ContainsFunc(s.lendable.heap, func(p *Process) bool { return p.unanswered() > 1 })
}

// renewable reports whether another process can be expected in the place of one that goes. What hangs may go on one
// day, for example when its database does; what is gone does not, if its code is not on disk any more and the newest
// does not start.
func (c *course) renewable() bool { return !c.steady.bad() && !c.overwritten(c.steady) }

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
