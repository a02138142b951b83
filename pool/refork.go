package pool

import (
	"time"

	"github.com/hashicorp/go-hclog"
)

// This file is how a process that has served for a while becomes the fork source of its generation, and how those that
// were forked before follow. Each is replaced as one that has done as many requests as it may: once there is another
// in its place. The others are replaced so that they share what the first has made since it was forked.
//
// It happens once for each generation, one process at a time, and not while a generation takes over from another. A
// restart, or another front of purser, ends it where it stands.

// A reforkPart is what becomes of a process by that.
type reforkPart uint8

const (
	reforkNone    reforkPart = iota // nothing
	reforkChosen                    // it is to become the fork source, once it serves nothing any more
	reforkBecomes                   // it was told to
	reforkFollows                   // one that is forked from that takes its place
)

func (r reforkPart) String() string {
	return [...]string{"", "chosen as the fork source", "becomes the fork source", "replaced from the new fork source"}[r]
}

// A generationRefork is how far a generation is with it.
type generationRefork struct {
	tried bool
	last  int // the number of the last process that was begun before there was a new source; 0 = there is none
}

// warmAfter is how many requests a child is to have answered before it can become a fork source; 0 = it cannot.
func warmAfter(child Child) uint64 {
	if r, can := child.(Reforker); can {
		return uint64(max(0, r.ReforkAfter()))
	}
	return 0
}

// reforkNext lets the next process go for it, if none is on its way.
func (g *groupState) reforkNext(c *course) {
	n := c.target()
	if c.warming == 0 && n.refork.last == 0 {
		return
	}
	if g.closed || !c.isCalm() || n.refork.tried && n.refork.last == 0 {
		return
	}
	for _, p := range g.procs {
		switch {
		case p.refork == reforkChosen && p.onlyConnected():
			p.refork = reforkNone // nobody can say when it would be
		case p.refork != reforkNone && !p.onlyConnected():
			return
		}
	}
	for _, p := range g.procs {
		if part := g.partOf(p); part != reforkNone {
			p.refork = part
			g.moves++
			return
		}
	}
}

// isCalm reports whether one generation serves, and nothing takes its place.
func (c *course) isCalm() bool {
	return !c.rolling && c.good == c.wanted && c.target() == c.wanted && c.spawning == 0 && c.wanted.failures == 0
}

// partOf is what is to become of a process next.
func (g *groupState) partOf(p *Process) reforkPart {
	r := &p.generation.refork
	switch {
	case p.state != Ready || p.generation != g.wanted:
	case r.last > 0 && p.number <= r.last:
		return reforkFollows
	case !r.tried && p.warmAfter > 0 && p.answered() >= p.warmAfter && p.connections == 0:
		return reforkChosen
	}
	return reforkNone
}

// mayRefork reports whether a process that serves nothing any more becomes the fork source, and does not just end.
func (c *course) mayRefork(p *Process) bool {
	return p.refork == reforkChosen && !c.closed && !c.rolling && c.good == c.wanted && p.generation == c.wanted
}

// beSource makes a process the fork source in place of asking it to exit. How long that may take is as with an exit.
func (s *roster) beSource(now time.Time, p *Process) {
	p.refork = reforkBecomes
	s.move(now, p, Stopping, p.refork.String())
	s.os.note(hclog.Info, "making process the fork source", p.pairs("answered", p.answered())...)
	s.os.refork(p)
	for _, d := range s.debts {
		d.leaves(p)
	}
}

// reforkEnded follows the end of a process that was asked to exit, or to become a source.
func (g *groupState) reforkEnded(p *Process, err error) {
	r := &p.generation.refork
	if p.refork != reforkBecomes || r.tried {
		return
	}
	r.tried = true
	if !isReforked(err) {
		g.os.note(hclog.Warn, "process did not become the fork source", p.pairs("reason", g.reason(err))...)
		return
	}
	r.last = g.spawned
	g.os.note(hclog.Info, "process became the fork source", p.pairs("answered", p.answered())...)
}
