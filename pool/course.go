package pool

import (
	"time"

	"purser/conf"
)

// A course is what a round of settle goes by: where the group is heading, and how many processes of which
// generation that takes. It is taken from the facts, the census and the time, and again after each move. The
// rules take it and ask nobody else. Which part a generation plays:
//
//	                          wanted        good   target   steady
//	nothing has worked        1             -      1        1
//	up                        2             2      2        2
//	a restart begins          3             2      3        2, until one of 3 is ready
//	  blocking, or switched   3             2      3        3
//	  halted at its canary    3             2      3        2
//	3 does not start          3 failing     2      2        2, while 3 is tried now and then
//	  and is insisted on      3 failing     2      3        3
//	3 answers worse           3 rejected    2      2        2
//	3 is rolled back          3 taken back  2      2        2
//	2 is rolled back, too     3 taken back  1      1        1
type course struct {
	census
	*generations
	now time.Time
	app *conf.App

	moves   int  // of the group when it was taken
	hurried bool // close has run out of time
	closed  bool
	stopped bool  // by an operator, and purser goes on
	due     alarm // of the next move that no event will bring about

	restart *restart    // the one that runs; nil = none
	way     way         // its way
	steady  *generation // repairs and grows the group
	procs   []*Process
	roles   []*role

	outdated    int  // that serve with other code than the target's
	replaceable int  // that serve, and are to go once there is another for them
	rolling     bool // one generation is taking over from another, as far as is known
	floor       int  // of ready processes: below it none is let go for good
	size        int  // that the group is to have while it restarts: as many as it had
	surge       int  // above max_processes while some are replaced, and replacements that may be spawning at once
	missable    int  // that may be missing while the restart replaces them
	beside      int  // of a canary, that serve beside the old ones
	held        int  // that the steady generation holds up
	gathering   bool // a blue-green restart has not switched yet
	blocked     bool // a blocking restart waits for the last old process to be gone
}

// chart fills it in.
func (c *course) chart() {
	target := c.target()
	ours := c.of(target)
	c.outdated = c.ready - ours.ready
	c.replaceable = c.outdated + ours.worn
	c.rolling = c.restart != nil || c.outdated > 0 && !target.bad() && !c.overwritten(target)
	c.steady = c.repairer()
	c.setSizes(ours)
	c.setRestart(ours)
}

// of counts the processes of a generation.
func (c *course) of(n *generation) *headcount {
	switch n {
	case c.wanted:
		return &c.newest
	case c.good:
		return &c.proven
	}
	h := &headcount{}
	for _, p := range c.procs {
		if p.generation == n {
			h.add(c.now, p)
		}
	}
	return h
}

// repairer is the generation that repairs and grows the group: its target once that has something
// ready, before that the last good one. Unproven code never stands in for a process that crashed,
// nor does a canary grow.
//
// Where old code cannot come back it is the target from the start: after a blocking restart has
// begun, and after a blue-green one has switched. So it is if the old code is not on disk any more
// and nothing of it serves.
func (c *course) repairer() *generation {
	target, r := c.target(), c.restart
	switch {
	case c.good == nil || c.overwritten(c.good) && c.of(c.good).alive == 0:
		return c.wanted
	case r != nil && r.generation == target && !c.way.returns(r):
		return target
	case r.waits() && !target.bad():
		return c.good
	case target.bad() || c.of(target).ready > 0:
		return target
	}
	return c.good
}

func (c *course) setRestart(ours *headcount) {
	if r := c.restart; r != nil && r.generation == c.target() {
		c.gathering = c.way.gathers(r)
		c.blocked = c.way.clears() && (c.all-c.lost > ours.all-ours.lost || c.olderWorkers(r.generation))
	}
}

// wants reports whether p, which is being spawned, is of a generation that still has a use.
func (c *course) wants(p *Process) bool {
	return p.generation == c.wanted && !c.wanted.rejected() || p.generation == c.target() || p.generation == c.steady
}

// rollingBack reports whether the good generation is on its way back, and can be expected to arrive:
// processes of the bad one still serve, or not enough of the good one does.
func (c *course) rollingBack() bool {
	if !c.resisting() || c.good.failures > 0 || c.overwritten(c.good) {
		return false
	}
	return c.newest.ready > 0 || c.of(c.good).ready < max(1, c.app.MinProcesses)
}

// allOf reports whether n is all there is: enough of it is ready, and nothing else lives. What only
// keeps long-lived connections open, or is kept for a rollback, does not count: no request can get to
// it. Nor does what was killed and yet does not go, which only the kernel can explain.
func (c *course) allOf(n *generation) bool {
	enough := max(1, c.app.MinProcesses)
	if c.overwritten(n) {
		enough = 1 // there can be no more of it
	}
	if n.bad() || c.of(n).ready < enough {
		return false
	}
	return c.bound == c.of(n).bound
}

// servers is how many processes a restart has before it: those that are ready, at least min.
func (c *course) servers() int {
	return min(max(c.ready-c.beside, c.app.MinProcesses), c.app.MaxProcesses)
}

// toReplace is how many of them it has to replace. An app that rests spawns one, so that a release
// which does not start is noticed by who deployed it.
func (c *course) toReplace() int { return max(1, c.servers()) }

// gatheringFor reports whether a blue-green restart to n has not switched yet.
func (c *course) gatheringFor(n *generation) bool { return c.gathering && c.restart.generation == n }

// trying reports whether there is anything on trial.
func (c *course) trying() bool {
	return c.app.Health.Probation > 0 && c.takingOver(c.restart, c.wanted) && c.newest.all > 0
}

// keeps reports whether a replaced process is kept, without requests, for a rollback: as long as its
// restart runs, and for rollback_window after that.
func (c *course) keeps(p *Process) bool {
	if c.closed || c.app.Restart.RollbackWindow <= 0 || !p.replaced || p.worn() {
		return false
	}
	if c.restart != nil && p.generation == c.good {
		return c.way.keeps()
	}
	return p.generation == c.previous() && c.good == c.target() && c.now.Before(c.keepUntil)
}

// crowd is how many processes count against max and the surge. Not those that only keep long-lived
// connections, or are kept for a rollback. Nor those that take their time to go, up to max of them,
// unless a surge of 0 says that there is room for none beside: a restart goes on beside a process that
// is stuck.
func (c *course) crowd() int {
	crowd := c.all - c.apart
	if c.surge > 0 {
		crowd -= min(c.slow, c.app.MaxProcesses)
	}
	return crowd
}

// An alarm is the earliest of some times that are yet to come.
type alarm struct{ now, first time.Time }

func (a *alarm) at(t time.Time) {
	if t.After(a.now) && (a.first.IsZero() || t.Before(a.first)) {
		a.first = t
	}
}
