package pool

// This file counts for the tests, independently of the census.

func (g *groupState) count(is func(*Process) bool) (n int) {
	for _, p := range g.procs {
		if is(p) {
			n++
		}
	}
	return n
}

func (g *groupState) ready(n *generation) int {
	return g.count(func(p *Process) bool { return p.state == Ready && p.generation == n })
}

func (g *groupState) spawning(n *generation) int {
	return g.count(func(p *Process) bool { return p.state == Spawning && p.generation == n })
}

func isReady(p *Process) bool       { return p.state == Ready }
func isSpawning(p *Process) bool    { return p.state == Spawning }
func isOutside(p *Process) bool     { return p.outside }
func isReplacement(p *Process) bool { return p.state == Spawning && p.replaces }

// isOutdated reports whether p serves with other code than the group is to have.
func (g *groupState) isOutdated(p *Process) bool {
	return p.state == Ready && p.generation != g.target()
}
