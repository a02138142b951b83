package pool

import "slices"

// This file picks processes of a group, and names what lives.

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

// isReplaceable reports whether p serves but is to go once there is another for it.
func (g *groupState) isReplaceable(p *Process) bool {
	return p.state == Ready && (p.generation != g.target() || p.worn())
}

// releases returns the releases of all that lives or may come back, the newest generation first. One
// that has not started yet, or is taken back, has no say.
func (g *groupState) releases() []Release {
	var known []*generation
	note := func(n *generation) {
		if n != nil && !slices.Contains(known, n) {
			known = append(known, n)
		}
	}
	if !g.wanted.bad && g.of(g.wanted).ready > 0 {
		note(g.wanted)
	}
	note(g.good)
	if len(g.past) > 0 {
		note(g.past[len(g.past)-1])
	}
	for _, p := range slices.Backward(g.procs) {
		if Ready <= p.state && p.state <= Standby {
			note(p.generation)
		}
	}
	paths := make([]Release, 0, len(known)+1)
	for _, n := range known {
		paths = append(paths, n.release)
	}
	if len(paths) == 0 {
		paths = append(paths, g.wanted.release)
	}
	return paths
}

// generations returns the numbers of the generations that live, and of the wanted one, in order. What
// is asked to exit does not count any more.
func (g *groupState) generations() []int {
	numbers := []int{g.wanted.number}
	for _, p := range g.procs {
		if p.state < Stopping {
			numbers = append(numbers, p.generation.number)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}
