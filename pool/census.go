package pool

// This file counts a group's processes, and picks one of them.

func (g *groupState) count(is func(*Process) bool) (n int) {
	for _, p := range g.procs {
		if is(p) {
			n++
		}
	}
	return n
}

// ready counts the ready processes of a generation.
func (g *groupState) ready(n *generation) int {
	return g.count(func(p *Process) bool { return p.state == Ready && p.generation == n })
}

// spawning counts the spawning processes of a generation.
func (g *groupState) spawning(n *generation) int {
	return g.count(func(p *Process) bool { return p.state == Spawning && p.generation == n })
}

func isReady(p *Process) bool    { return p.state == Ready }
func isSpawning(p *Process) bool { return p.state == Spawning }

// isReplacement and isAddition are the two kinds of spawning processes.
func isReplacement(p *Process) bool { return p.state == Spawning && p.replaces }
func isAddition(p *Process) bool    { return p.state == Spawning && !p.replaces }

// isOutdated reports whether p serves with other code than the group is to have.
func (g *groupState) isOutdated(p *Process) bool {
	return p.state == Ready && p.generation != g.target()
}

// isReplaceable reports whether p serves but is to go once there is another for it.
func (g *groupState) isReplaceable(p *Process) bool {
	return p.state == Ready && (p.generation != g.target() || p.worn())
}

// idlest returns the ready process with nothing in flight that was not used for the longest time.
func (g *groupState) idlest() (idlest *Process) {
	for _, p := range g.procs {
		if p.state == Ready && p.load() == 0 && (idlest == nil || p.lastUsed.Before(idlest.lastUsed)) {
			idlest = p
		}
	}
	return idlest
}

// dispensable returns the ready process to let go next: one to be replaced before others, of those
// the oldest generation, and of that the least busy.
func (g *groupState) dispensable() (best *Process) {
	for _, p := range g.procs {
		if p.state == Ready && (best == nil || g.moreDispensable(p, best)) {
			best = p
		}
	}
	return best
}

func (g *groupState) moreDispensable(a, b *Process) bool {
	switch ra, rb := g.isReplaceable(a), g.isReplaceable(b); {
	case ra != rb:
		return ra
	case a.generation.number != b.generation.number:
		return a.generation.number < b.generation.number
	}
	return a.load() < b.load()
}
