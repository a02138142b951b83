package pool

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"purser/conf"
)

// A world is everything around a few groups that share a pool's cap, invented from a seed: the time,
// the children, the visitors and the operators. The same seed is always the same history.
type world struct {
	rand   *rand.Rand
	start  time.Time
	now    time.Time
	agenda agenda
	slots  slots[*simGroup]
	groups []*simGroup
	pids   int
	owes   int       // slots by which a changed min may be short
	asking bool      // the groups are asked for room now and then
	calm   bool      // no more mischief: what can work does
	front  int       // how many fronts there have been before
	deadly bool      // fronts are killed
	kill   *kill     // when this one is killed; nil = nobody knows
	trace  io.Writer // nil = none
	seen   map[string]int
	what   string // is happening now
}

// A violation is an invariant that does not hold.
type violation string

func (w *world) fail(format string, args ...any) {
	panic(violation(fmt.Sprintf("at %v, %s: ", w.now.Sub(w.start), w.what) + fmt.Sprintf(format, args...)))
}

func (w *world) tell(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%10.3f  %s\n", w.now.Sub(w.start).Seconds(), fmt.Sprintf(format, args...))
	}
}

// name is what something is called, in full only if somebody reads it.
func (w *world) name(format string, args ...any) string {
	if w.trace == nil {
		return format
	}
	return fmt.Sprintf(format, args...)
}

func newWorld(seed uint64, trace io.Writer) *world {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{rand: rand.New(rand.NewPCG(seed, 7)), start: start, now: start, trace: trace, seen: map[string]int{}, what: "the beginning"}
	w.slots = newSlots[*simGroup](0)
	many := 2
	if w.chance(10) {
		many += w.rand.IntN(5)
	}
	least, rests := 0, false
	for i := range many {
		w.groups = append(w.groups, newSimGroup(w, i))
		least += w.groups[i].state.app.MinProcesses
		rests = rests || w.groups[i].state.app.MinProcesses == 0
	}
	if rests {
		least++ // or those which rest could never run
	}
	if w.chance(50) {
		w.slots.limit = least + w.rand.IntN(4)
	}
	w.tell("cap %d", w.slots.limit)
	return w
}

// chance is true so many times in a hundred.
func (w *world) chance(percent int) bool { return w.rand.IntN(100) < percent }

// between returns a span from low to high, short ones more often.
func (w *world) between(low, high time.Duration) time.Duration {
	f := w.rand.Float64()
	return low + time.Duration(f*f*float64(high-low))
}

// after puts something on the agenda.
func (w *world) after(d time.Duration, do func()) { w.agenda.add(w.now.Add(d), do) }

// during puts something on the agenda that ends with the front.
func (w *world) during(d time.Duration, do func()) {
	front := w.front
	w.after(d, func() {
		if w.front == front {
			do()
		}
	})
}

// runUntil plays what happens until a moment, or until enough is true.
func (w *world) runUntil(end time.Time, enough func() bool) bool {
	for !enough() {
		timer, at := w.next()
		if at.IsZero() || at.After(end) {
			w.now = end
			return false
		}
		w.now = at
		happens := (*simGroup).timerFires
		if timer == nil {
			do := w.agenda.pop()
			happens = func(*simGroup) { do() }
		}
		if w.isKilledBy(func() { happens(timer) }) {
			w.nextFront()
		}
	}
	return true
}

// next returns when something happens next, and whose timer that is, if it is one; zero = nothing.
func (w *world) next() (timer *simGroup, at time.Time) {
	at = w.agenda.first()
	for _, g := range w.groups {
		if !g.alarm.IsZero() && (at.IsZero() || g.alarm.Before(at)) {
			timer, at = g, g.alarm
		}
	}
	return timer, at
}

// A simGroup is a groupState in the world, and its driver.
type simGroup struct {
	world *world
	state groupState
	alarm time.Time

	freed, begging bool
	relieved       int  // processes that this event let go as they hung
	excused        bool // this event takes a ready process away
	retired, began int  // processes that this event let go, and put to work
	leftOut        int  // of those let go, the ones that had no replacement
	ahead          int  // and those that went ahead of it
	promoted       int  // processes of a canary that were put to work before it
	acts           int  // calls to the driver that did something

	first     Release  // that it began with
	inPlace   bool     // every release is deployed in the same folder
	ways      []string // strategies that its operators use
	mostSurge int      // that any of its restarts has
	most      int      // max_processes at its highest
	mostMin   int      // min_processes at its highest
	people    []int    // the newest generation that each of its regular visitors has seen; none without affinity

	children   map[*Process]*fate // of every process that is not gone
	fates      map[int]*fate      // of every process there ever was
	overs      map[*generation]bool
	visitors   map[*waiter]*visitor
	tickets    int            // of visitors who queued
	lastServed int            // ticket of the last who was lent a process
	releases   map[int]string // of each generation that ever served
	known
	noting simNoting
}

func newSimGroup(w *world, i int) *simGroup {
	g := &simGroup{world: w, releases: map[int]string{}, children: map[*Process]*fate{}, fates: map[int]*fate{}, overs: map[*generation]bool{}, visitors: map[*waiter]*visitor{}}
	app := conf.App{
		Name:                  fmt.Sprintf("app%d", i),
		MinProcesses:          w.rand.IntN(4),
		Concurrency:           1 + w.rand.IntN(3),
		DrainTimeout:          5 * time.Second,
		WebsocketDrainTimeout: 9 * time.Second,
		StopTimeout:           2 * time.Second,
		QueueTimeout:          time.Duration(w.rand.IntN(2)) * 6 * time.Second,
		IdleTimeout:           time.Duration(w.rand.IntN(3)) * 4 * time.Second,
		MaxQueue:              w.rand.IntN(3) * 6,
		Restart: conf.Restart{
			Surge:                  conf.Amount{Count: 1 + w.rand.IntN(2)},
			ResistDeploymentErrors: w.chance(80),
			MaxOldGenerations:      1 + w.rand.IntN(2),
			SwitchTimeout:          time.Duration(w.rand.IntN(3)) * 500 * time.Millisecond,
			RollbackWindow:         time.Duration(w.rand.IntN(2)) * w.between(0, 20*time.Second),
		},
		HangAfter: time.Duration(w.rand.IntN(2)) * w.between(time.Second, 6*time.Second),
		Health:    conf.Health{Probation: time.Duration(w.rand.IntN(2)) * w.between(0, 10*time.Second)},
	}
	g.inPlace = w.chance(15)
	g.ways = []string{Rolling}
	if w.chance(50) {
		g.ways = []string{Rolling, Rolling, Blocking, BlueGreen}
	}
	if w.chance(40) {
		g.people = make([]int, 5)
	}
	if w.chance(40) {
		app.Restart.Unavailable = conf.Amount{Count: 1 + w.rand.IntN(2)}
		app.Restart.Surge.Count = w.rand.IntN(2)
	}
	app.MaxProcesses = max(1, app.MinProcesses) + w.rand.IntN(3)
	if w.chance(30) {
		app.Concurrency = conf.Unlimited
	}
	if w.chance(30) {
		app.MaxRequests = 5 + w.rand.IntN(20)
	}
	g.mostSurge = max(1, app.Restart.Surge.Count)
	if len(g.ways) > 1 {
		g.mostSurge = max(g.mostSurge, app.MaxProcesses)
	}
	g.most, g.mostMin = app.MaxProcesses, app.MinProcesses
	w.slots.reserve(g, app.MinProcesses)
	release := g.invent(40)
	g.first = release
	g.state = newGroupState(app, release, g, w.rand)
	w.tell("%s: min %d max %d concurrency %d queue %d/%v idle %v hang %v limit %d restart %+v probation %v, in place %v, release %s", app.Name,
		app.MinProcesses, app.MaxProcesses, app.Concurrency, app.MaxQueue, app.QueueTimeout, app.IdleTimeout, app.HangAfter, app.MaxRequests,
		app.Restart, app.Health.Probation, g.inPlace, release.Path)
	return g
}

// invent returns a release: how it goes is its revision.
func (g *simGroup) invent(trouble int) Release {
	kind := "good"
	if g.world.chance(trouble) {
		kind = []string{"bad", "bad", "flaky", "young", "hangs", "once", "errs"}[g.world.rand.IntN(7)]
	}
	r := Release{Path: fmt.Sprintf("%s-%d", kind, g.world.rand.IntN(1000)), Revision: kind}
	if g.inPlace {
		r.Path = "in place"
	}
	return r
}

// event plays one event to the group that makes it settle.
func (g *simGroup) event(what string, do func(now time.Time)) {
	g.play(what, func(now time.Time) {
		do(now)
		g.checkSettled()
	})
}

// play plays one event to the group, and checks everything that has to hold after it.
func (g *simGroup) play(what string, do func(now time.Time)) {
	w := g.world
	w.what = what
	if w.trace != nil {
		w.what = g.state.app.Name + ": " + what
		w.tell("%s", w.what)
	}
	before := g.state.count(isReady)
	g.retired, g.leftOut, g.ahead, g.began, g.promoted, g.relieved = 0, 0, 0, 0, 0, 0
	r, beside := g.state.running(), 0
	if r.waits() {
		beside = g.state.plot(w.now).beside
	}
	do(w.now)
	if r.waits() && r.state == RestartFailed { // its canary is all that there is
		g.promoted = beside
	}
	g.setTimer()
	g.noteTakenBack()
	g.check(before)
	g.handOver()
	freed, begging := g.freed, g.begging
	g.freed, g.begging = false, false
	if freed {
		g.kickWaiting()
	}
	if begging && !w.asking {
		w.asking = true
		w.during(0, w.makeRoom)
	}
}

func (g *simGroup) noteTakenBack() {
	if g.state.wanted.bad() {
		g.takenBack = g.state.wanted.number
	}
}

func (g *simGroup) settle(what string) { g.event(what, g.state.settle) }

// kickWaiting does what Pool.kick does.
func (g *simGroup) kickWaiting() {
	for _, taker := range g.world.slots.takers() {
		taker.settle("is told that a slot is free")
	}
}

// makeRoom is what the pool does once, and again after a while as long as somebody waits.
func (w *world) makeRoom() {
	if w.asking = len(w.slots.waiting) > 0; !w.asking {
		return
	}
	w.during(roomTick, w.makeRoom)
	var offers []offer[*simGroup]
	for _, g := range w.groups {
		if idle, load, ok := g.state.offer(w.now); ok {
			offers = append(offers, offer[*simGroup]{g, idle, load})
		}
	}
	for _, d := range w.slots.deals(offers) {
		yielded := false
		d.from.event("is asked for room", func(now time.Time) { yielded = d.from.state.makeWay(now, d.need) })
		if !yielded {
			w.slots.broken(d)
		}
	}
}

// setTimer is what Group.setTimer does.
func (g *simGroup) setTimer() {
	next := g.state.deadline(g.world.now)
	if next.IsZero() || !g.alarm.IsZero() && !next.Before(g.alarm) {
		return
	}
	g.alarm = next
}

func (g *simGroup) timerFires() {
	g.alarm = time.Time{}
	g.settle("timer")
}
