package pool

import "time"

// This file is how a group has what it decides noted before it is done. If purser is killed in between, the next
// one knows of it, and does what was not done.
//
// Notes are taken and handed over by a goroutine of the group, which is there only while something has changed. So
// whoever keeps notes may be slow: nothing but what is to be noted first waits for that.

// A NoteFunc keeps the note of an app in place of the one before. The zero Note says that there is nothing to keep any
// more: the app is removed.
type NoteFunc func(app string, n Note)

// NoteTo has every change of a group that is made from now on noted, before anything that follows from it is done: a
// process is spawned, asked to exit or killed, or anybody is told. The notes of one group come one
// after the other, those of several may come at once.
func (p *Pool) NoteTo(keep NoteFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = keep
}

// noting is what a Group has to do with its notes. Its mutex guards it.
type noting struct {
	keep    NoteFunc      // nil = nobody wants notes, and then nothing waits for them
	version int           // of the state in the last note
	effects []effect      // that wait for the next
	busy    chan struct{} // closed when handOver has ended; nil = it does not run
}

// An effect is what is done or said once that is noted.
type effect struct {
	p     *Process // to which it is done; nil = it is said
	do    func()
	tells bool // that it was done is to be noted, too, so that it is not done again
}

// after does something once the state is noted, unless it is to a process that is gone by then. It is called with mu
// held.
func (g *Group) after(e effect) {
	if g.noting.keep == nil {
		e.do()
		return
	}
	g.noting.effects = append(g.noting.effects, e)
}

// noteChanges has it noted if anything has changed that is. It is called with mu held, and costs next to nothing if nothing
// has.
func (g *Group) noteChanges() {
	n := &g.noting
	if n.keep == nil || n.busy != nil || g.ended || n.version == g.state.version() && len(n.effects) == 0 {
		return
	}
	n.busy = make(chan struct{})
	go g.handOver()
}

// handOver hands notes over until the last one has all that is known, and does what waits for them.
func (g *Group) handOver() {
	defer endBroken()
	for {
		note, changed, effects, any := g.take()
		if !any {
			return
		}
		if changed {
			g.noting.keep(g.name, note)
		}
		g.carryOut(effects)
	}
}

// take returns the next note, unless the last one says the same, and what waits for it. If that is nothing, handOver
// has ended.
func (g *Group) take() (note Note, changed bool, effects []effect, any bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := &g.noting
	effects, n.effects = n.effects, nil
	if version := g.state.version(); n.version != version {
		note, changed, n.version = noteOf(&g.state, time.Now(), g.cap.surplus(g)), true, version
	}
	if any = changed || len(effects) > 0; !any {
		close(n.busy)
		n.busy = nil
	}
	return note, changed, effects, any
}

func (g *Group) carryOut(effects []effect) {
	for _, e := range effects {
		if !g.comesTooLate(e) {
			e.do()
		}
	}
}

func (g *Group) comesTooLate(e effect) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.tells {
		g.state.changes++
	}
	return e.p != nil && e.p.state == Gone
}

// awaitNoted returns once all that has changed so far is noted.
func (g *Group) awaitNoted() {
	g.mu.Lock()
	busy := g.noting.busy
	g.mu.Unlock()
	if busy != nil {
		<-busy
	}
}
