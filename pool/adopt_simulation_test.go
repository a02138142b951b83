package pool

import (
	"slices"
	"time"
)

// This file is how the front is killed in the simulated world, and the next one goes on.

// A kill ends the front in the course of an event.
type kill struct {
	events int // that are to be noted before
	moment moment
}

// A moment is how far the front comes with what follows an event.
type moment int

const (
	beforeNote     moment = iota // what it has decided is not noted
	beforeActs                   // that is noted, and not done
	amidActs                     // some of it is done
	beforeToldNote               // it is not noted that it was done
	moments
)

var momentNames = [moments]string{"killed before it has noted", "killed before it acts", "killed amid what it does", "killed before it has noted what it did"}

// frontKilled is what unwinds whatever the front was doing.
type frontKilled struct{}

func (w *world) killNow() {
	w.seen["killed between two events"]++
	for _, g := range w.groups {
		g.takeLateNote()
	}
	panic(frontKilled{})
}

// killAnyTime is that, while there is mischief.
func (w *world) killAnyTime() {
	if !w.calm {
		w.killNow()
	}
}

// armKill has the front be killed soon, and the next ones, too.
func (w *world) armKill() {
	if w.calm {
		return
	}
	w.after(w.between(500*time.Millisecond, 12*time.Second), w.armKill)
	if w.chance(20) {
		w.killNow()
	}
	for _, g := range w.groups {
		g.takeLateNote()
	}
	w.kill = &kill{w.rand.IntN(6), moment(w.rand.IntN(int(moments)))}
}

// comes reports whether the front is killed at this moment.
func (w *world) comes(at moment) bool {
	if w.kill == nil || w.kill.moment != at {
		return false
	}
	w.kill.events--
	return w.kill.events < 0
}

func (w *world) die(at moment) {
	w.seen[momentNames[at]]++
	w.tell("the front is %s", momentNames[at])
	panic(frontKilled{})
}

// isKilledBy reports whether the front was killed by what happens.
func (w *world) isKilledBy(happens func()) (was bool) {
	defer func() {
		switch broken := recover(); broken {
		case nil:
		case frontKilled{}:
			was = true
		default:
			panic(broken)
		}
	}()
	happens()
	return false
}

// What is known of a group by what it was asked for, and what it has told.
type known struct {
	takenBack int         // the newest generation that was given up for an older one
	marks     []time.Time // when somebody noted that it needs a restart
	restarts  int         // that were not joined
	done      int         // newest generation whose restart was done
	touched   time.Time   // the first request of the last restart, if that can be joined
	quiet     time.Time   // the last restart's generation may not serve before
}

// nextFront has all groups go on from their last notes.
func (w *world) nextFront() {
	w.front.dead = true
	w.cutLinks()
	if len(w.olds) > 0 {
		w.seen["the owner is killed while old fronts borrow"]++
	}
	w.follow()
}

// follow is the next front taking over. It goes on once it knows what the old ones have lent.
func (w *world) follow() {
	w.front = newSimFront()
	w.kill, w.asking, w.held = nil, false, true
	w.what = "the next front"
	w.slots.taken, w.slots.unheld, w.slots.waiting, w.slots.accounts = 0, 0, nil, map[*simGroup]*account{}
	for _, g := range w.groups {
		g.adopt()
	}
	for _, f := range w.olds {
		w.connect(f)
	}
	w.goOn()
}

// adopt does what Pool.Adopt does.
func (g *simGroup) adopt() {
	w, app := g.world, g.state.app
	defer func() {
		g.state.held = true
		g.open()
	}()
	for _, f := range g.fates {
		f.gone = f.gone || !f.began
	}
	g.children, g.overs = map[*Process]*fate{}, map[*generation]bool{}
	g.alarm, g.freed, g.begging, g.noting.effects, g.noting.late = time.Time{}, false, false, nil, false
	g.known = g.noting.known
	g.known.marks = slices.Clone(g.noting.known.marks)
	if g.noting.last.Version == 0 {
		w.slots.reserve(g, app.MinProcesses)
		w.seen["nothing was noted"]++
		g.state = newState(app, g.first, g, w.rand)
		return
	}
	note := g.carriedNote()
	w.slots.reserve(g, note.least(&app))
	g.state = newState(app, Release{}, g, w.rand)
	note.restore(g.state, w.now, g.find)
	processes, surplus := note.places(g.state)
	w.slots.adopt(g, processes, surplus)
	g.noting.version, g.noting.last = g.state.version()-1, note
	g.checkAdopted(&note)
}

// carriedNote is the last note as the next front reads it. How a note is written is tried at kills: to write and read it
// takes longer than all else that an upgrade does.
func (g *simGroup) carriedNote() Note {
	if g.world.upgrading {
		return g.noting.last
	}
	text := g.noting.last.Text()
	note, err := ReadNote(text)
	if err != nil || len(text) >= 64<<10 {
		g.fail("the note of %d bytes cannot be read: %v\n%s", len(text), err, text)
	}
	return note
}

// find is what lives of a process. Some end while there is no front, and of some that is told.
func (g *simGroup) find(p *Process, ready bool) Child {
	w, f := g.world, g.fates[p.number]
	switch {
	case f == nil || ready && !f.booted:
		g.fail("process %d was never started, or not ready", p.number)
	case f.gone && !(f.began && w.chance(50)):
		g.children[p] = f
		f.proc = p
		return nil
	case f.gone, w.chance(5):
		if f.gone {
			w.owes++ // it has a slot once more, until its end is told
		}
		f.gone = false
		defer g.exit(p, 0, "has ended meanwhile")
	}
	g.children[p] = f
	p.gone, p.leaving = make(chan struct{}), make(chan struct{})
	f.proc, f.stops, f.kills, f.traces, f.last = p, 0, 0, 0, p.state
	f.left = !ready && p.role == "" || p.stage == killed
	f.booted = f.booted || p.role != "" && f.began
	w.pids++
	return simChild{w.pids}
}

// checkAdopted: nothing is forgotten, and nothing goes back.
func (g *simGroup) checkAdopted(note *Note) {
	s := g.state
	for p := range g.children {
		if p.state == Gone {
			delete(g.children, p)
		}
	}
	for number, f := range g.fates {
		if p := f.proc; !f.gone && (g.children[p] != f || !slices.Contains(s.procs, p) && !slices.Contains(s.workers(), p)) {
			g.fail("process %d lives, and is forgotten", number)
		}
		if f.began && (number > s.spawned || f.order.Generation > s.wanted.number) {
			g.fail("process %d of generation %d is not counted", number, f.order.Generation)
		}
	}
	for _, n := range note.Processes {
		if p := g.fates[n.number].proc; p.state != Gone && p.state != n.state && (n.booted || p.state != Stopping) {
			g.fail("process %d is %v, and was %v", p.number, p.state, n.state)
		}
	}
	for i, n := range []*generation{s.wanted, s.good} {
		if at := []ref{note.Wanted, note.Good}[i]; at > 0 && (n.number != note.Generations[at-1].Number || standings[n.standing] != note.Generations[at-1].Standing) {
			g.fail("generation %d is %d", n.number, n.standing)
		}
	}
	for _, r := range note.all() {
		now := s.find(r.ID)
		if now == nil || now.state != r.State {
			g.fail("restart %s is %v, and was %s", r.ID, now, r.State)
		}
	}
	g.countAdopted()
}

// countAdopted counts what was in mid-course.
func (g *simGroup) countAdopted() {
	s := g.state
	count := func(what string, is bool) {
		if is {
			g.world.seen[what]++
		}
	}
	r := s.running()
	count("a stopped app goes on", s.stopped)
	count("a paused app goes on", s.paused)
	count("a restart that follows is remembered", s.next != nil)
	count("a resisting app goes on", s.resisting())
	if r == nil {
		return
	}
	count("a restart goes on", true)
	count("a rollback goes on", r.strategy == Rollback)
	count("a blocking restart goes on", r.strategy == Blocking)
	count("a blue-green restart that gathers goes on", r.strategy == BlueGreen && r.switched.IsZero())
	count("a canary goes on", r.waits() && r.halted)
	count("a probation goes on", !r.probation.IsZero())
}
