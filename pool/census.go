package pool

import "time"

// A census is how many processes of a group there are, of each kind. It is taken in one walk.
type census struct {
	headcount           // of all
	newest    headcount // of the wanted generation
	proven    headcount // of the last good one, unless that is the wanted one
	arrived   int       // ready, and one of those to be replaced may go for each
	replacing int       // spawning, to replace others once they are ready
	hanging   int       // ready, with a request that old that nothing has come of
	slow      int       // that take their time to go; neither kept nor only connected
	warming   int       // that can become a fork source once they have answered enough
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

func (h *headcount) add(now time.Time, p *Process) {
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
		h.addLeaver(now, p)
	} else {
		h.bound++
	}
}

func (h *headcount) addLeaver(now time.Time, p *Process) {
	if p.revivable() {
		h.alive++
	}
	lost := p.lost(now)
	switch apart := p.state == Standby || p.onlyConnected(); {
	case apart:
		h.apart++
	case !lost:
		h.bound++
	}
	if lost {
		h.lost++
	}
}

// serving is how many processes serve, or will in addition to those that do.
func (c *census) serving() int { return c.ready + c.additions() }

// additions is how many are spawning that replace none.
func (c *census) additions() int { return c.spawning - c.replacing }

// count counts one process.
func (c *census) count(now time.Time, p *Process, l *generations) {
	c.add(now, p)
	if p.warmAfter > 0 {
		c.warming++
	}
	switch {
	case p.generation == l.wanted:
		c.newest.add(now, p)
	case p.generation == l.good:
		c.proven.add(now, p)
	}
	switch {
	case p.state == Ready && p.replaces:
		c.arrived++
	case p.state == Spawning && p.replaces:
		c.replacing++
	case p.state > Ready && p.slow(now) && p.state != Standby && !p.onlyConnected():
		c.slow++
	}
}
