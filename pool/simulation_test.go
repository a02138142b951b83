package pool

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	histories = flag.Int("histories", 2000, "how many histories TestSimulation plays")
	seed      = flag.Uint64("seed", 0, "the one history that TestSimulation plays, and prints; 0 = many")
)

// TestSimulation plays histories of a few groups, each invented from its seed, and checks what has to
// hold after every event. Two thousand of them must have met everything that can happen to a group.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		if _, err := play(*seed, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // worlds are small, and soon gone
	var next atomic.Uint64
	var players sync.WaitGroup
	var seen [2]map[string]int
	for i := range seen {
		seen[i] = map[string]int{}
		players.Go(func() { playMany(t, &next, seen[i]) })
	}
	players.Wait()
	for _, what := range everything {
		n := seen[0][what] + seen[1][what]
		if n == 0 && *histories >= 2000 && !t.Failed() {
			t.Errorf("in %d histories never happened: %s", *histories, what)
		}
		t.Logf("%9d  %s", n, what)
	}
}

var everything = []string{
	"visitor served", "visitor served by a generation to avoid", "visitor served by another generation", "visitor refused: *errors.errorString", "visitor refused: *pool.StartError",
	"spawning process", "giving up spawn", "process ready", "process failed to start", "process crashed", "process crashed unused",
	"draining process: idle", "draining process: replaced by another generation", "draining process: max_requests reached",
	"draining process: chosen as the fork source", "draining process: replaced from the new fork source",
	"making process the fork source", "process became the fork source", "process did not become the fork source",
	"draining process: it hangs", "draining process: another app needs room", "draining process: above max_processes",
	"draining process: purser is stopping", "draining process: the app is being stopped", "restart with another configuration", "stopping process", "killing process", "process exited",
	"restart requested", "restart joined", "restart done", "restart done after all", "restart failed", "restart superseded",
	"resisting deployment error", "recovered from deployment error", "rolled back",
	"restart refused", "restart follows another", "restart step: begun", "restart of a marked app", "promoted", "rollback", "new code answers worse",
	"rollback refused: " + ErrNothingOlder.Error(), "rollback refused: " + ErrOverwritten.Error(),
	"draining process: makes way for another generation", "draining process: makes room for its replacement",
	"no process of the old code is left, so the new code serves",
	"draining process: taken back", "draining process: detached by an operator",
	"app hangs: no process answers", "draining process: hang_after passed", "condition: hung",
	"keeping process for a rollback", "process serves again", "asking process where it hangs",

	"process: spawning to ready", "process: spawning to stopping", "process: spawning to gone",
	"process: ready to draining", "process: ready to gone",
	"process: draining to ready", "process: draining to standby", "process: draining to stopping", "process: draining to gone",
	"process: standby to ready", "process: standby to stopping", "process: standby to gone", "process: stopping to gone",

	"restart step: requested", "restart step: memory", "restart step: blocking", "restart step: switched",
	"restart step: canary", "restart step: promoted", "restart step: probation", "restart step: rolled-back",
	"restart step: done", "restart step: failed", "restart step: superseded",

	"killed before it has noted", "killed before it acts", "killed amid what it does", "killed before it has noted what it did", "killed between two events",
	"app pauses, its requests wait", "app goes on after a pause", "visitor refused as the app is paused", "a paused app goes on",
	"a restart goes on", "a restart that follows is remembered", "a rollback goes on", "a blue-green restart that gathers goes on", "a blocking restart goes on",
	"a canary goes on", "a probation goes on", "a resisting app goes on", "a stopped app goes on",
	"upgraded", "an old front ends", "an old front dies", "the owner is killed while old fronts borrow",
	"visitor of an old front served", "visitor of an old front served by a process that is newer", "visitor of an old front refused",
	"what was lent to a visitor who had left comes back",
	"worker: spawning to ready", "worker: spawning to stopping", "worker: spawning to gone", "worker: ready to stopping", "worker: ready to gone", "worker: stopping to gone",
	"starting worker", "worker ready", "worker ended", "killing worker", "restart step: workers",
	"a worker does not start and its restart fails", "old workers come back", "the new web waits for old workers", "a worker is detached", "a worker comes back while it still stops",
	"process is gone: it has ended while purser was started anew", "nothing was noted",
}

// playMany plays the next history until there are enough, or one fails.
func playMany(t *testing.T, next *atomic.Uint64, seen map[string]int) {
	for n := next.Add(1); n <= uint64(*histories) && !t.Failed(); n = next.Add(1) {
		w, err := play(n, nil)
		if err != nil {
			if _, again := play(n, io.Discard); again != nil {
				err = again // which says in full what was happening
			}
			t.Errorf("history %d: %v\nreplay it with: go test ./pool -run TestSimulation -seed=%d", n, err, n)
			return
		}
		for what, times := range w.seen {
			seen[what] += times
		}
	}
}

// play plays one history. Its error is the invariant that did not hold.
func play(seed uint64, trace io.Writer) (w *world, err error) {
	defer func() {
		switch broken := recover().(type) {
		case nil:
		case violation:
			err = fmt.Errorf("%s", string(broken))
		default:
			if trace != nil {
				panic(broken)
			}
			err = fmt.Errorf("panic: %v", broken)
		}
	}()
	w = newWorld(seed, trace)
	for _, g := range w.groups {
		g.settle("starts")
	}
	if w.chance(50) {
		w.after(w.between(0, 5*time.Second), w.armKill)
	}
	if w.chance(20) {
		w.after(w.between(0, 8*time.Second), w.armUpgrade)
	}
	if w.chance(2) {
		w.after(0, w.killAnyTime) // an app that rests has noted nothing yet
	}
	never := func() bool { return false }
	end := w.start.Add(w.between(5*time.Second, 25*time.Second))
	for _, g := range w.groups {
		g.live(end)
	}
	w.runUntil(end, never)
	if w.chance(70) {
		w.calmDown()
	}
	w.close()
	return w, nil
}

// live lets visitors come and things go wrong, up to a moment.
func (g *simGroup) live(end time.Time) {
	w := g.world
	pace := w.between(50*time.Millisecond, 2*time.Second)
	var visits, troubles func()
	visits = func() {
		if w.now.Before(end) {
			w.after(w.between(0, pace), visits)
			g.counter.visit()
		}
	}
	troubles = func() {
		if w.now.Before(end) {
			w.after(w.between(100*time.Millisecond, 10*time.Second), troubles)
			g.mischief()
		}
	}
	w.after(0, visits)
	w.after(w.between(0, 6*time.Second), troubles)
}

// calmDown ends the mischief: within a while every group is as it should be.
func (w *world) calmDown() {
	w.tell("calm")
	w.calm, w.kill = true, nil
	for _, g := range w.groups {
		g.promote()
		g.setPaused(false)
	}
	if !w.runUntil(w.now.Add(4*time.Minute), w.isRight) {
		for _, g := range w.groups {
			if wrong := g.wrong(); wrong != "" {
				for _, p := range g.state.procs {
					w.tell("%s: process %d is %v, generation %d, replaces %v", g.state.app.Name, p.number, p.state, p.generation.number, p.replaces)
				}
				w.tell("%d slots are taken, %v surplus", w.slots.taken, w.slots.accounts[g].surplus)
				w.fail("%s does not get right: %s", g.state.app.Name, wrong)
			}
		}
	}
	for _, g := range w.groups {
		g.mustServe()
	}
}

// isRight reports whether every group is as it should be. A canary of a restart that has followed another is
// promoted.
func (w *world) isRight() bool {
	for _, g := range w.groups {
		if r := g.state.running(); r.waits() && r.halted {
			g.promote()
		}
	}
	return !slices.ContainsFunc(w.groups, func(g *simGroup) bool { return g.wrong() != "" })
}

// wrong says what is not yet as it should be, if nothing goes wrong any more.
func (g *simGroup) wrong() string {
	s := g.state
	target := s.wanted
	switch {
	case s.running() != nil && s.running().canary == 0 && s.running().strategy == Rollback && s.running().state == RestartRunning && !startable(s.running().generation):
		return ""
	case !startable(s.wanted) && s.good == nil:
		return ""
	case s.good != nil && s.overwritten(s.good) && (s.wanted.bad() || !startable(s.wanted)):
		return "" // the old code cannot come back
	case s.wanted.rejected(), s.resisting() && s.restartTo(s.wanted) != nil && s.restartTo(s.wanted).strategy == Blocking, !startable(s.wanted) && s.app.Restart.ResistDeploymentErrors:
		target = s.good
	case !startable(s.wanted):
		return "" // the old ones serve on, as long as they live
	}
	switch {
	case s.running() != nil:
		return "a restart runs"
	case target != s.target():
		return fmt.Sprintf("generation %d is the target, not %d", s.target().number, target.number)
	case s.count(s.isOutdated) > 0:
		return "an outdated process serves"
	case s.ready(target) < s.app.MinProcesses:
		return fmt.Sprintf("%d processes are ready", s.ready(target))
	case s.queue.length > 0:
		return "visitors wait"
	}
	return g.wrongWorkers(target)
}

func startable(n *generation) bool { return n.release.Revision != "bad" }

// mustServe sends a last visitor, who has to be served if anything can start: if not at once, for it
// came in a pause after a start that failed, then after the pause.
func (g *simGroup) mustServe() {
	s, w := g.state, g.world
	s.app.QueueTimeout, s.app.MaxQueue = 0, 0
	for range 5 {
		hopeless := !startable(s.wanted) && (s.good == nil || !s.app.Restart.ResistDeploymentErrors || s.overwritten(s.good))
		if hopeless || g.counter.isServed(nobody, Wish{}) {
			return
		}
		v := g.counter.newVisitor()
		g.event("a last visitor queues", func(now time.Time) { s.acquire(now, &v.waiter) })
		if !w.runUntil(w.now.Add(4*time.Minute), func() bool { return v.answers > 0 }) {
			w.fail("the last visitor of %s waits for ever", s.app.Name)
		}
		if v.err == nil {
			return
		}
		pause := s.plot(w.now).steady.retryAt
		w.runUntil(w.now.Add(2*time.Minute), func() bool { return w.now.After(pause) })
	}
	w.fail("the last visitors of %s are refused", s.app.Name)
}

// close ends the world: nothing may be left of it.
func (w *world) close() {
	patience := w.between(0, 20*time.Second)
	if w.kill = nil; w.chance(20) {
		w.after(w.between(0, 10*time.Second), w.killNow)
	}
	for _, g := range w.groups {
		g.excused = true
		if w.chance(50) {
			g.event("is stopped", g.state.endAlone)
		} else {
			g.event("closes", g.state.close)
		}
		w.after(patience, func() { g.event("runs out of time", func(now time.Time) { g.state.killAll(now) }) })
	}
	end := w.now.Add(patience + time.Minute)
	w.runUntil(end, func() bool { return !slices.ContainsFunc(w.groups, (*simGroup).isThere) })
	for _, g := range w.groups {
		if len(g.state.procs)+len(g.state.workers()) > 0 || len(g.counter.visitors) > 0 || g.state.running() != nil {
			w.fail("after the end %s has %d processes, %d visitors", g.state.app.Name, len(g.state.procs), len(g.counter.visitors))
		}
	}
}

func (g *simGroup) isThere() bool {
	return len(g.state.procs)+len(g.state.workers())+len(g.counter.visitors) > 0
}
