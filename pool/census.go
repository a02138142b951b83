package pool

// This file counts a group's processes.

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
