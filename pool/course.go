package pool

// This file is what a group is heading for: which generation, and how many processes of it. All of
// it is derived, each time, from what lives.

// resisting reports whether the wanted generation is bad and the group stays with the good one:
// deployment error resistance.
func (g *groupState) resisting() bool {
	return g.wanted.bad && g.good != nil && (g.wanted.rejected || g.resists(g.wanted))
}

// resists reports whether n would be given up for the last good generation, should it turn out bad.
func (g *groupState) resists(n *generation) bool {
	return g.good != nil && g.app.Restart.ResistDeploymentErrors && !n.insisted
}

// target is the generation that the group is to become.
func (g *groupState) target() *generation {
	if g.resisting() {
		return g.good
	}
	return g.wanted
}

// steady is the generation that repairs and grows the group: its target once that has something
// ready, before that the last good one. Unproven code never stands in for a process that crashed,
// nor does a canary grow.
//
// Where old code cannot come back it is the target from the start: after a blocking restart has
// begun, and after a blue-green one has switched. So it is if the old code is not on disk any more
// and nothing of it serves.
func (g *groupState) steady() *generation {
	target, r := g.target(), g.running()
	switch {
	case g.good == nil || g.overwritten(g.good) && g.of(g.good).alive == 0:
		return g.wanted
	case r != nil && r.generation == target && !r.way().returns(r):
		return target
	case r != nil && r.canary > 0 && !target.bad:
		return g.good
	case target.bad || g.of(target).ready > 0:
		return target
	}
	return g.good
}

// overwritten reports whether the code of n is no longer on disk: a newer release was deployed in its
// folder. What is spawned from there would be of the wanted generation, whatever we call it.
func (g *groupState) overwritten(n *generation) bool {
	return n != g.wanted && n.release.Path == g.wanted.release.Path
}

// wants reports whether p, which is being spawned, is of a generation that still has a use.
func (g *groupState) wants(p *Process) bool {
	return p.generation == g.wanted && !g.wanted.rejected || p.generation == g.target() || p.generation == g.steady()
}

// rolling reports whether one generation is taking over from another, as far as is known.
func (g *groupState) rolling() bool {
	return g.running() != nil || g.outdated() > 0 && !g.target().bad && !g.overwritten(g.target())
}

// rollingBack reports whether the good generation is on its way back, and can be expected to arrive:
// processes of the bad one still serve, or not enough of the good one does.
func (g *groupState) rollingBack() bool {
	if !g.resisting() || g.good.failures > 0 || g.overwritten(g.good) {
		return false
	}
	return g.of(g.wanted).ready > 0 || g.of(g.good).ready < max(1, g.app.MinProcesses)
}

// allOf reports whether n is all there is: enough of it is ready, and nothing else lives. What only
// keeps long-lived connections open, or is kept for a rollback, does not count: no request can get to
// it. Nor does what was killed and yet does not go, which only the kernel can explain.
func (g *groupState) allOf(n *generation) bool {
	enough := max(1, g.app.MinProcesses)
	if g.overwritten(n) {
		enough = 1 // there can be no more of it
	}
	if n.bad || g.of(n).ready < enough {
		return false
	}
	return g.census().bound == g.of(n).bound
}

// floor is the number of ready processes below which none is let go for good. While one generation
// takes over from another there is at least one, if min_processes is 0.
func (g *groupState) floor() int {
	if g.rolling() {
		return max(1, g.app.MinProcesses)
	}
	return g.app.MinProcesses
}

// size is how many processes the group is to have while it restarts: as many as it had.
func (g *groupState) size() int {
	if r := g.running(); r != nil {
		return max(r.total, g.app.MinProcesses)
	}
	return g.floor()
}

// held is how many processes the steady generation holds up. What was let go ahead of its replacement
// is not for the old generation to make up for.
func (g *groupState) held() int {
	r := g.running()
	switch {
	case r == nil:
		return g.app.MinProcesses
	case g.steady() == g.target():
		return g.size()
	}
	held := r.had - g.missable()
	if r.canary > 0 {
		held -= max(0, g.undelivered(r))
	}
	return held
}

// surge is how many processes there may be above max_processes while some are replaced, and how many
// replacements may be spawning at once. A percentage is of max_processes. Outside of restarts, for
// what is worn, it is at least one.
func (g *groupState) surge() int {
	if r := g.running(); r != nil {
		return r.surge
	}
	return max(1, g.app.Restart.Surge.Of(g.app.MaxProcesses))
}

// missable is how many processes may be missing while the running restart replaces them.
func (g *groupState) missable() int {
	r := g.running()
	if r == nil {
		return 0
	}
	return r.way().ahead(r, g.of(g.target()).ready > 0)
}

// servers is how many processes a restart has before it: those that are ready, at least min.
func (g *groupState) servers() int {
	return min(max(g.census().ready, g.app.MinProcesses), g.app.MaxProcesses)
}

// toReplace is how many of them it has to replace. An app that rests spawns one, so that a release
// which does not start is noticed by who deployed it.
func (g *groupState) toReplace() int { return max(1, g.servers()) }
