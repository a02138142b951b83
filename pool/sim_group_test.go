package pool

import (
	"fmt"
	"time"

	"purser/conf"
)

// A simGroup is a groupState in the world, and its driver.
type simGroup struct {
	world *world
	state *groupState
	alarm time.Time

	freed, begging bool
	settled        bool // this event made it settle, and nothing was done since
	relieved       int  // processes that this event let go as they hung
	excused        bool // this event takes a ready process away
	retired, began int  // processes that this event let go, and put to work
	leftOut        int  // of those let go, the ones that had no replacement
	ahead          int  // and those that went ahead of it
	promoted       int  // processes of a canary that were put to work before it
	acts           int  // calls to the driver that did something

	config   int              // the newest configuration, which restarts bring
	knows    map[int]conf.App // what processes are started with, by its number
	invented []conf.Worker    // all that it may have

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
	counter    *counter       // of the owner
	tickets    int            // of visitors who queued
	lastServed int            // ticket of the last who was lent a process
	releases   map[int]string // of each generation that ever served
	known
	noting simNoting
}

func newSimGroup(w *world, i int) *simGroup {
	g := &simGroup{world: w, knows: map[int]conf.App{}, releases: map[int]string{}, children: map[*Process]*fate{}, fates: map[int]*fate{}, overs: map[*generation]bool{}}
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
	g.inventWorkers(&app)
	g.mostSurge = max(1, app.Restart.Surge.Count)
	if len(g.ways) > 1 {
		g.mostSurge = max(g.mostSurge, app.MaxProcesses)
	}
	g.most, g.mostMin = app.MaxProcesses, app.MinProcesses
	w.slots.reserve(g, app.MinProcesses)
	g.knows[0] = app
	release := g.invent(40)
	g.first = release
	g.state = newState(app, release, g, w.rand)
	g.open()
	w.tell("%s: min %d max %d concurrency %d queue %d/%v idle %v hang %v limit %d restart %+v probation %v, in place %v, release %s", app.Name,
		app.MinProcesses, app.MaxProcesses, app.Concurrency, app.MaxQueue, app.QueueTimeout, app.IdleTimeout, app.HangAfter, app.MaxRequests,
		app.Restart, app.Health.Probation, g.inPlace, release.Path)
	return g
}

// invent returns a release: how it goes is its revision.
func (g *simGroup) invent(trouble int) Release {
	kind := "good"
	if g.world.chance(trouble) {
		kind = []string{"bad", "bad", "flaky", "young", "hangs", "once", "errs", "jobless"}[g.world.rand.IntN(8)]
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
		g.settled = true
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
	if g.state.held {
		do(w.now)
		g.setTimer()
		return
	}
	before := g.state.count(isReady)
	g.retired, g.leftOut, g.ahead, g.began, g.promoted, g.relieved = 0, 0, 0, 0, 0, 0
	r, beside := g.state.running(), 0
	if r.waits() {
		beside = g.state.plot(w.now).beside
	}
	g.settled = false
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
