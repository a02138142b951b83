package pool

import (
	"slices"
	"time"
)

// This file is what has to hold after every event: the invariants of the design by their numbers.

func (g *simGroup) fail(format string, args ...any) { g.world.fail(format, args...) }

// check looks at everything. ready is how many processes were ready before the event. After one that made the group
// settle the course is the one that it has taken.
func (g *simGroup) check(ready int) {
	g.checkFloor(ready)
	c := &g.state.course
	if !g.settled {
		c = g.state.plot(g.world.now)
	}
	g.checkProcesses(c)
	g.checkWorkers(c)
	g.checkHeap()
	g.checkQueue()
	g.checkRestarts()
	g.checkBounds()
	g.checkHang(c)
}

// checkFloor: I8, the group itself never lets a process go that min needs, and one at most for each
// that replaces it.
func (g *simGroup) checkFloor(before int) {
	s := g.state
	ready, least := s.count(isReady), s.app.MinProcesses
	r := s.lastRestart()
	if r != nil && r.state != RestartRunning && r.ended != g.world.now {
		r = nil
	}
	switch {
	case r == nil:
	case r.way().clears():
		least = 0
	default:
		least -= r.unavailable
	}
	switched := r != nil && !r.switched.IsZero()
	switch {
	case !g.excused && !switched && (ready < before || g.retired+g.leftOut+g.ahead > 0) && ready < least:
		g.fail("I8: %d processes are ready, there were %d", ready, before)
	case g.ahead > 0 && !g.mayGoAhead() && g.world.slots.limit == 0:
		g.fail("I8: %d processes were let go ahead of their replacements", g.ahead)
	case g.retired > g.began+g.promoted && !switched:
		g.fail("I8: %d processes were replaced by %d", g.retired, g.began)
	}
	g.excused = false
}

// mayGoAhead reports whether one of the restarts that ran just now lets processes go ahead of their replacements. There
// may be two: what follows one that is done may have failed at once.
func (g *simGroup) mayGoAhead() bool {
	return slices.ContainsFunc(g.state.restarts, func(r *restart) bool {
		return r.unavailable > 0 && (r.state == RestartRunning || r.ended == g.world.now)
	})
}

// checkSettled: I14, to settle twice is to settle once.
func (g *simGroup) checkSettled() {
	acts, before := g.acts, g.digest()
	g.state.settle(g.world.now)
	if after := g.digest(); acts != g.acts || before != after {
		g.fail("settling twice changes something: %+v, then %+v, %d acts", before, after, g.acts-acts)
	}
}

// A digest is what settling may change.
type digest struct {
	wanted, good               generation
	ready, draining, stopping  int
	loads, replacing, restarts int
	queue, keep, spawned       int
	refused, closed            bool
	past, spare                int
	relieved                   int // processes when one was last let go as it hung; the rest of a hang is what a look showed
	keepUntil                  time.Time
	since                      time.Duration
}

func (g *simGroup) digest() digest {
	s := g.state
	d := digest{wanted: *s.wanted, restarts: len(s.restarts), queue: s.queue.length, keep: s.keep, spawned: s.spawned, refused: s.refused, closed: s.closed, past: len(s.past), spare: s.spare, keepUntil: s.keepUntil, relieved: s.hang.spawned}
	if s.good != nil {
		d.good = *s.good
	}
	for _, p := range s.procs {
		switch p.state {
		case Ready:
			d.ready++
		case Draining:
			d.draining++
		case Stopping:
			d.stopping++
		}
		d.loads += p.load()
		if p.replaces {
			d.replacing++
		}
		d.since += p.since.Sub(g.world.start)
	}
	return d
}

func (g *simGroup) checkProcesses(c *course) {
	s, now := g.state, g.world.now
	for i, p := range g.state.procs {
		f := g.children[p]
		switch {
		case f == nil || p.state == Gone:
			g.fail("process %d is gone, but still there", p.number)
		case i > 0 && g.state.procs[i-1].number >= p.number:
			g.fail("processes are out of order")
		case p.load() != g.counter.loads[p]+g.lentOut(p):
			g.fail("process %d has a load of %d and %d, it counts %d and %d", p.number, g.counter.loads[p], g.lentOut(p), p.requests, p.connections)
		case p.child != nil && p.stage < killed && g.state.hurried:
			g.fail("time has run out, but process %d lives on", p.number)
		case p.state == Ready && (p.child == nil || f.order.Generation != p.generation.number || f.order.Release != p.generation.release):
			g.fail("I1: process %d serves for generation %d, but was spawned for %+v", p.number, p.generation.number, f.order)
		case p.state == Draining && p.load() == 0 && !p.perhapsDead(g.world.now):
			g.fail("process %d drains nothing", p.number)
		case p.state == Standby && (p.load() > 0 || !p.replaced || s.closed):
			g.fail("process %d is kept with a load of %d", p.number, p.load())
		case p.state == Stopping && p.child != nil && f.stops == 0 && !p.asked.Load() && f.kills == 0 && !g.state.hurried:
			g.fail("process %d stops, but nobody told it", p.number)
		}
		if due := c.deadlineOf(p); !due.IsZero() {
			g.checkAlarm(due)
		} else if p.state == Standby && s.running() == nil || p.state == Draining || p.state == Stopping && p.child != nil && p.stage < killed {
			g.fail("I12: process %d is %v without a deadline", p.number, p.state)
		}
		if p.state == Ready {
			g.checkRelease(p)
		}
	}
	for _, p := range g.state.procs {
		if p.state == Ready && p.load() == 0 && g.state.app.IdleTimeout > 0 && !g.state.overwritten(g.state.target()) && g.state.count(isReady) > g.state.app.MinProcesses &&
			!c.rolling && now.Sub(p.lastUsed) > g.state.app.IdleTimeout+2*time.Second {
			g.fail("process %d is above min and idle since %v", p.number, now.Sub(p.lastUsed))
		}
	}
}

// checkRelease: I5, one generation is one release.
func (g *simGroup) checkRelease(p *Process) {
	number, path := p.generation.number, p.generation.release.Path
	if known, ok := g.releases[number]; ok && known != path {
		g.fail("I5: generation %d serves from %s and from %s", number, known, path)
	}
	g.releases[number] = path
	if number == g.state.wanted.number && g.world.now.Before(g.quiet) {
		g.fail("generation %d serves before the requests for it have been quiet", number)
	}
}

// checkAlarm: I12, a deadline that is due was met, and a later one will wake us.
func (g *simGroup) checkAlarm(due time.Time) {
	if due.Before(g.world.now) {
		g.fail("a deadline passed %v ago", g.world.now.Sub(due))
	}
	if g.alarm.IsZero() || due.Before(g.alarm) {
		g.fail("I12: a deadline is in %v, but the timer will not go off before", due.Sub(g.world.now))
	}
}

func (g *simGroup) checkHeap() {
	l := &g.state.lendable
	for i, p := range l.heap {
		if p.place != i || p.state != Ready || i > 0 && l.before(p, l.heap[(i-1)/2]) {
			g.fail("the heap is out of order at %d", i)
		}
	}
	if len(l.heap) != g.state.count(isReady) {
		g.fail("%d processes are lendable, but %d ready", len(l.heap), g.state.count(isReady))
	}
}

func (g *simGroup) checkQueue() {
	s := g.state
	if s.queue.length == 0 {
		return
	}
	early := 0
	for w := s.queue.first; w != nil; w = w.next {
		if w.early {
			early++
		}
		for _, p := range s.lendable.heap {
			if s.lendable.room(p) && (p.generation.number >= w.wish.Pin || w.wish.Pin <= g.takenBack && p.generation.number >= s.good.number) {
				g.fail("a visitor pinned to %d waits while process %d has room", w.wish.Pin, p.number)
			}
		}
	}
	switch {
	case s.closed:
		g.fail("a visitor waits for a group that is closed")
	case s.app.MaxQueue > 0 && s.queue.length-early > s.app.MaxQueue:
		g.fail("%d visitors wait where %d may", s.queue.length, s.app.MaxQueue)
	case !s.queue.first.deadline.IsZero():
		g.checkAlarm(s.queue.first.deadline)
	}
}

// checkRestarts: I3, the wanted generation is one number, and no restart is lost.
func (g *simGroup) checkRestarts() {
	s := g.state
	if s.wanted.number != 1+g.restarts {
		g.fail("I3: generation %d is wanted after %d restarts", s.wanted.number, g.restarts)
	}
	for i, r := range s.restarts {
		if r.state == RestartRunning && i < len(s.restarts)-1 {
			g.fail("I3: an older restart still runs")
		}
	}
	if g.done > 0 && s.good.number < g.done {
		g.fail("generation %d counts as good, but %d was done", s.good.number, g.done)
	}
}

// checkBounds: I9, never more than max and the surge, and never more than the pool's cap with it.
func (g *simGroup) checkBounds() {
	s := g.state
	alive, slow := 0, 0
	for _, p := range s.procs {
		switch {
		case p.state == Standby || g.children[p].beside && p.state > Spawning:
		case p.slow(g.world.now):
			slow++
		default:
			alive++
		}
	}
	if alive > g.most+g.mostSurge || slow > 2*g.most+g.mostSurge {
		g.fail("I9: %d processes are alive, and %d on their way out for long", alive, slow)
	}
	if n := s.count(isReplacement); n > g.mostSurge {
		g.fail("I9: %d replacements are spawning at once", n)
	}
	w := g.world
	all, surplus, surge := 0, 0, 0
	for _, other := range w.groups {
		all += len(other.state.procs) - other.state.count(isOutside)
		surplus += w.slots.accounts[other].surplus
		surge += other.mostSurge
	}
	if all != w.slots.taken+surplus {
		g.fail("%d slots are taken and %d processes surplus, but %d alive", w.slots.taken, surplus, all)
	}
	if w.slots.limit > 0 && all > w.slots.limit+surge {
		g.fail("I9: %d processes are alive in all, the cap is %d", all, w.slots.limit)
	}
	if w.slots.limit > 0 && w.owed() > w.owes {
		g.fail("I16: %d slots are taken and %d kept, the cap is %d", w.slots.taken, w.slots.unheld, w.slots.limit)
	}
	w.owes = min(w.owes, w.owed())
	g.checkGenerations()
}

// owed is how many slots the groups are kept that are still others'.
func (w *world) owed() int { return max(0, w.slots.taken+w.slots.unheld-w.slots.limit) }

// checkGenerations: I9, no more old generations live on for their connections, or for a rollback, than
// may.
func (g *simGroup) checkGenerations() {
	s := g.state
	apart := func(p *Process) bool { return p.state == Standby || p.onlyConnected() }
	if s.count(apart) == 0 {
		return
	}
	alive := s.numbers(s.wanted)
	for _, p := range s.procs {
		tooOld := len(alive) > s.app.Restart.MaxOldGenerations+1 && p.generation.number < alive[len(alive)-1-s.app.Restart.MaxOldGenerations]
		if tooOld && apart(p) {
			g.fail("I9: process %d of generation %d is %v, those alive are %v", p.number, p.generation.number, p.state, alive)
		}
	}
}

// checkHang: an app is hung only if all that serves has a request that old, and is relieved one by one.
func (g *simGroup) checkHang(c *course) {
	s := g.state
	if g.relieved > 1 {
		g.fail("%d processes were let go at once as they hung", g.relieved)
	}
	if c.condition() != Hung {
		return
	}
	g.world.seen["condition: hung"]++
	for _, p := range s.procs {
		switch {
		case p.state == Ready && (len(p.stuck) == 0 || g.world.now.Sub(p.stuck[0]) < s.app.HangAfter):
			g.fail("the app is hung, but process %d has no request that old", p.number)
		case p.state == Ready && p.requests < len(p.stuck):
			g.fail("process %d has %d requests, and %d of them hang", p.number, p.requests, len(p.stuck))
		}
	}
}
