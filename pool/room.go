package pool

import (
	"cmp"
	"slices"
	"time"
)

// This file is how groups make room for one another under the pool-wide cap.

const (
	roomTick = 250 * time.Millisecond // how often the others are asked again for who waits
	turnTime = 5 * time.Second        // a busy process serves for so long before it makes room
)

// An offer is what a group could give up for others.
type offer[G comparable] struct {
	from G
	idle time.Time // since when it is not used; zero = it is
	load int
}

// before reports whether o is to be taken before other: what is idle, and that for the longest time;
// then the least busy.
func (o offer[G]) before(other offer[G]) int {
	switch {
	case o.idle.IsZero() && other.idle.IsZero():
		return cmp.Compare(o.load, other.load)
	case o.idle.IsZero():
		return 1
	case other.idle.IsZero():
		return -1
	}
	return o.idle.Compare(other.idle)
}

// A deal is a group that is to give up a process, and the one for which it does.
type deal[G comparable] struct {
	from, to G
	need     need
}

// asks reports whether a seat is that of a group for which others are to make room.
func (at *seat[G]) asks() bool { return at.need != growing && !at.promised && !at.served }

// wanting reports whether others are to make room for anybody.
func (s *slots[G]) wanting() bool { return slices.ContainsFunc(s.waiting, (*seat[G]).asks) }

// gives reports whether a group has more than what is kept for it. What it has beside its slots goes first, and
// is no slot yet: then it is asked again.
func (s *slots[G]) gives(group G) bool {
	a := s.accounts[group]
	return a.slots+a.surplus > a.min
}

// deals says who makes room for whom, and counts that as promised. Who needs it to live comes first, and
// gets what is busy if nothing is idle. Who only has to take a slot that is free gets nothing.
func (s *slots[G]) deals(offers []offer[G]) (deals []deal[G]) {
	slices.SortStableFunc(offers, offer[G].before)
	takers := s.takers()
	for _, n := range []need{subsistence, replacing} {
		for _, at := range s.waiting {
			if at.need != n || !at.asks() || slices.Contains(takers, at.group) {
				continue
			}
			i := slices.IndexFunc(offers, func(o offer[G]) bool {
				return o.from != at.group && s.gives(o.from) && (n == subsistence || !o.idle.IsZero())
			})
			if i >= 0 {
				at.promised = true
				deals = append(deals, deal[G]{offers[i].from, at.group, n})
				offers = slices.Delete(offers, i, i+1)
			}
		}
	}
	return deals
}

// broken notes that a deal came to nothing.
func (s *slots[G]) broken(d deal[G]) {
	if at := s.seat(d.to); at != nil {
		at.promised = false
	}
}

// countOutside has processes that are on their way out give their slots back before they are gone, where nobody can
// say when that will be: no connection holds up a restart, or an app that comes in the place of another. As within
// the group itself, these are not counted: what only long-lived connections keep, and what a stopped app is slow to end.
// One that came back takes a slot again as soon as there is one.
func (g *groupState) countOutside(c *course) {
	if g.outside == 0 && c.apart == c.standby && !(g.stopped && c.slow > 0) {
		return // a thousand processes need not be looked at
	}
	for _, p := range g.procs {
		switch {
		case !p.outside && (p.onlyConnected() || g.stopped && p.state > Ready && p.slow(c.now)):
			g.os.release()
			p.outside = true
			g.outside++
			g.moves++
		case p.outside && p.state == Ready && g.os.claim(subsistence, 0):
			p.outside = false
			g.outside--
		}
	}
}

// giveSlotBack gives the slot of a process back that is gone, unless it did so before.
func (g *groupState) giveSlotBack(p *Process) {
	if p.outside {
		g.outside--
		return
	}
	g.os.release()
}

// needless returns a spawn that is above min, or tries whether bad code starts by now, or nil.
func (c *course) needless() *Process {
	for _, p := range c.procs {
		probe := p.generation == c.wanted && c.resisting()
		if p.state == Spawning && (probe || !p.replaces && c.serving() > c.floor) {
			return p
		}
	}
	return nil
}

// leastNeeded returns the process that the group can do without best, or nil, and whether it is busy.
func (s *roster) leastNeeded(c *course) (p *Process, busy bool) {
	if p := s.kept(); p != nil {
		return p, false
	}
	if p := s.idlest(); p != nil && !c.rolling && c.ready > c.floor {
		return p, false
	}
	if p := c.needless(); p != nil && c.ready > 0 {
		return p, true
	}
	if p := s.dispensable(c.target()); p != nil && c.ready > c.floor && c.now.Sub(p.readyAt) >= turnTime {
		return p, true
	}
	return nil, false
}
