package pool

import "purser/conf"

// This file is how many processes a group is to have. Whatever makes it grow or shrink is a number here.

// setSizes sets how many processes there are to be. While one generation takes over from another at least one
// is ready, if min_processes is 0. A percentage of surge is of max_processes; outside of restarts, for what is
// worn, it is at least one.
func (c *course) setSizes(ours *headcount) {
	c.floor = c.app.MinProcesses
	if c.rolling {
		c.floor = max(1, c.floor)
	}
	c.size, c.surge, c.held = c.floor, max(1, c.app.Restart.Surge.Of(c.app.MaxProcesses)), c.app.MinProcesses
	r := c.restart
	if r == nil {
		return
	}
	c.size, c.surge = max(r.total, c.app.MinProcesses), r.surge
	c.missable = c.way.ahead(r, ours.ready > 0)
	if r.waits() && !c.target().bad() {
		c.beside = c.of(r.generation).ready
	}
	switch {
	case c.steady == c.target():
		c.held = c.size
	case r.waits():
		c.held = max(r.had, c.app.MinProcesses) + c.beside
	default: // what was let go ahead of its replacement is not for the old generation to make up for
		c.held = r.had - c.missable
	}
}

// goal is how many processes of the steady generation are to serve while so many requests wait: those that it
// holds up, and more for the requests as far as max_processes goes. What is above it goes once it falls idle.
func (c *course) goal(queued int) int {
	needed := min(queued, 1)
	if c.app.Concurrency != conf.Unlimited {
		needed = (queued + c.app.Concurrency - 1) / c.app.Concurrency
	}
	if c.ready == 0 { // a replacement that is coming has nothing to replace, and serves as well
		return max(c.held, min(needed, c.app.MaxProcesses)-c.replacing)
	}
	return max(c.held, min(c.ready+needed, c.app.MaxProcesses))
}
