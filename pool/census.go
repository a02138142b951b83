package pool

// A census is how many processes of a group there are, of each kind. It is taken once per round, and again
// after a move.
type census struct {
	headcount           // of all
	wanted    headcount // of the newest generation
	good      headcount // of the last good one
	arrived   int       // ready, and one of those to be replaced may go for each
	replacing int       // spawning, to replace others once they are ready
	slow      int       // that take their time to go; neither kept nor only connected
}

// A headcount is how many processes there are of one generation.
type headcount struct {
	all       int
	ready     int
	worn      int // of the ready ones: those that have done as many requests as they may
	spawning  int
	booted    int // of the spawning ones: those that are held back
	draining  int
	answering int // of the draining ones: those with requests
	standby   int
	leaving   int // that are asked to exit
	alive     int // that serve, or could again
	apart     int // that are kept for a rollback, or only keep long-lived connections
	bound     int // that hold up the end of a restart: neither apart nor lost
	lost      int // that were killed and yet do not go
}

func (h *headcount) add(p *Process) {
	h.all++
	switch p.state {
	case Ready:
		h.ready++
		h.alive++
		if p.worn() {
			h.worn++
		}
	case Spawning:
		h.spawning++
		if p.child != nil {
			h.booted++
		}
	case Draining:
		h.draining++
		if p.requests > 0 {
			h.answering++
		}
	case Standby:
		h.standby++
	case Stopping:
		h.leaving++
	}
	if p.state > Ready {
		h.addLeaver(p)
	} else {
		h.bound++
	}
}

func (h *headcount) addLeaver(p *Process) {
	if p.revivable() {
		h.alive++
	}
	switch apart := p.state == Standby || p.onlyConnected(); {
	case apart:
		h.apart++
	case !p.lost:
		h.bound++
	}
	if p.lost {
		h.lost++
	}
}

// serving is how many processes serve, or will in addition to those that do.
func (c *census) serving() int { return c.ready + c.additions() }

// additions is how many are spawning that replace none.
func (c *census) additions() int { return c.spawning - c.replacing }

// census takes the census, unless nothing has moved since the last one of this settle.
func (g *groupState) census() *census {
	if !g.settling || g.counted != g.moves {
		g.known = census{}
		for _, p := range g.procs {
			g.enter(p)
		}
		g.counted = g.moves
	}
	return &g.known
}

// enter counts one process.
func (g *groupState) enter(p *Process) {
	c := &g.known
	c.add(p)
	switch {
	case p.generation == g.wanted:
		c.wanted.add(p)
	case p.generation == g.good:
		c.good.add(p)
	}
	switch {
	case p.state == Ready && p.replaces:
		c.arrived++
	case p.state == Spawning && p.replaces:
		c.replacing++
	case p.slow && p.state != Standby && !p.onlyConnected():
		c.slow++
	}
}

// of counts the processes of a generation.
func (g *groupState) of(n *generation) (h headcount) {
	switch c := g.census(); n {
	case g.wanted:
		return c.wanted
	case g.good:
		return c.good
	}
	for _, p := range g.procs {
		if p.generation == n {
			h.add(p)
		}
	}
	return h
}

// outdated is how many processes serve with other code than the group is to have.
func (g *groupState) outdated() int { return g.census().ready - g.of(g.target()).ready }

// replaceable is how many of those that serve are to go once there is another for them.
func (g *groupState) replaceable() int { return g.outdated() + g.of(g.target()).worn }
