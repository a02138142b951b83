package pool

import (
	"reflect"
	"slices"
)

// This file is how the groups of the simulated world have noted what they decide.

// simNoting is what a simulated group has to do with its notes.
//
// A note costs more than the event that it tells of, and most are replaced before anybody looks. So where nobody can
// die of the event, most are taken only once somebody can: nothing has happened to the group in between.
type simNoting struct {
	late    bool  // the last is to be taken yet
	last    Note  // of version 0 if there is none
	known   known // when it was taken
	version int   // of the state then
	effects []effect
}

func (g *simGroup) after(e effect) { g.noting.effects = append(g.noting.effects, e) }

// handOver does what Group.handOver does, unless the front is killed meanwhile.
func (g *simGroup) handOver() {
	w, n := g.world, &g.noting
	g.checkNoted()
	for n.version != g.state.version() || len(n.effects) > 0 {
		if w.comes(beforeNote) {
			w.die(beforeNote)
		}
		if n.version = g.state.version(); w.kill == nil && n.version%4 > 0 && n.last.Version > 0 {
			n.late = true
		} else {
			g.takeNote()
		}
		effects := n.effects
		n.effects = nil
		if len(effects) > 0 && w.comes(beforeActs) {
			w.die(beforeActs)
		}
		for i, e := range effects {
			if i > 0 && w.comes(amidActs) {
				w.die(amidActs)
			}
			if e.tells {
				g.state.changes++
			}
			if e.p.state != Gone {
				e.do()
			}
		}
		if n.version != g.state.version() && w.comes(beforeToldNote) {
			w.die(beforeToldNote)
		}
	}
}

func (g *simGroup) takeNote() {
	n := &g.noting
	n.late, n.version = false, g.state.version()
	n.last = noteOf(g.state, g.world.now, g.world.slots.accounts[g].surplus)
	n.known = g.known
	n.known.marks = slices.Clone(g.marks)
}

func (g *simGroup) takeLateNote() {
	if g.noting.late {
		g.takeNote()
	}
}

// checkNoted: what a note tells has changed only if that was counted. It takes its time, so it looks now and then.
func (g *simGroup) checkNoted() {
	n := &g.noting
	if n.version != g.state.version() || n.last.Version == 0 || !g.world.chance(3) || n.late {
		return
	}
	was, is := essence(n.last), essence(noteOf(g.state, n.last.At, n.last.Surplus))
	if !reflect.DeepEqual(was, is) {
		g.fail("this has changed and is not noted:\n%+v\n%+v", was, is)
	}
}

// essence is a note without what does not make another one: how many requests there were.
func essence(n Note) Note {
	n.Processed, n.Processes, n.Generations = 0, slices.Clone(n.Processes), slices.Clone(n.Generations)
	for i := range n.Processes {
		n.Processes[i].lent = 0
	}
	for i := range n.Generations {
		g := *n.Generations[i]
		g.Answered, g.Erred, n.Generations[i] = 0, 0, &g
	}
	return n
}
