package pool

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// This file is how workers live beside restarts: they end, are detached and stopped, and go on under the next purser.

func TestAWorkerThatEndsIsReplacedAtOnceIfItHasWorked(t *testing.T) {
	s := upWithWorkers(t)
	s.passes(youth)
	s.exits(3)
	s.has("spawn 6 of /r1")
}

func TestAWorkerThatDiesYoungIsTriedLaterAndLater(t *testing.T) {
	s := upWithWorkers(t)
	s.passes(youth)
	s.exits(5)
	number := 6
	var pauses []int
	for range 5 {
		s.boots(number)
		s.exits(number)
		died := s.now
		s.passes(2 * time.Minute)
		number++
		pauses = append(pauses, int(s.procs[number].began.Sub(died).Seconds()))
	}
	got(t, "the pauses", fmt.Sprint(pauses), "[1 2 4 8 16]")
	work := snapshotOf(&s.state, s.now).Workers[1]
	got(t, "what is told", work.Failure.Reason, "worker mail exited with status 1 within 5s of its start")
}

// It lived for long enough to count as one that works, but not for long.
func TestAWorkerThatDiesAfterAWhileIsReplacedAtOnceTheFirstTime(t *testing.T) {
	s := upWithWorkers(t)
	s.exits(5)
	s.has("spawn 6 of /r1")
	s.boots(6)
	s.passes(workerProves)
	s.did = nil
	s.exits(6)
	s.has()
	s.passes(2 * time.Second)
	s.has("spawn 7 of /r1")
}

func TestARestartSaysNothingOfWorkersOfWhichNoneRun(t *testing.T) {
	s := tell(t, func(app *conf.App) {
		none := conf.NewWorker("none")
		none.Count = 0
		app.SetWorker(none)
	})
	s.boots(1, 2)
	r := s.restarts("/r2")
	s.boots(3)
	s.exits(1)
	s.boots(4)
	s.exits(2)
	got(t, "the restart", r.state, RestartDone)
	if strings.Contains(steps(r), "workers") {
		t.Errorf("its steps are %s", steps(r))
	}
}

func TestAReloadChangesTheCount(t *testing.T) {
	s := upWithWorkers(t)
	app := s.state.app
	jobs, _ := app.Worker("jobs")
	jobs.Count = 1
	app.SetWorker(jobs)
	s.state.configure(s.now, app, 0)
	s.has("stop 4")
	jobs.Count = 3
	app.SetWorker(jobs)
	s.state.configure(s.now, app, 0)
	s.has("spawn 6 of /r1") // never more than 3 live
	s.exits(4)
	s.has("spawn 7 of /r1")
	app.Workers = app.Workers[:1]
	s.state.configure(s.now, app, 0)
	s.has("stop 5")
	s.exits(5)
	got(t, "how many roles there are", len(s.state.roles), 1)
}

// The configuration that running processes were started with does not know of it.
func TestAWorkerThatIsNewInTheConfigurationWaitsForTheRestartThatBringsIt(t *testing.T) {
	s := upWithWorkers(t)
	app := s.state.app
	app.SetWorker(conf.NewWorker("night"))
	s.state.configure(s.now, app, 1)
	s.has()
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r1"}, SameCode: true, Config: 1})
	s.boots(6)
	s.exits(1)
	s.boots(7)
	s.exits(2)
	s.exits(3, 4, 5)
	s.work("jobs 9 spawning g2, jobs 10 spawning g2, mail 11 spawning g2, night 8 spawning g2")
}

// The configuration that running processes were started with has lost it.
func TestAWorkerThatComesBackWhileItStillStopsWaitsForTheRestartThatBringsIt(t *testing.T) {
	s := upWithWorkers(t)
	with := s.state.app
	without := with
	without.Workers = with.Workers[1:]
	s.state.configure(s.now, without, 0)
	s.has("stop 3", "stop 4")
	s.state.configure(s.now, with, 1)
	s.exits(3)
	s.has()
	s.goesOn()
	s.exits(4)
	s.has()
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r1"}, SameCode: true, Config: 1})
	s.boots(6)
	s.exits(1)
	s.boots(7)
	s.exits(2)
	s.work("jobs 8 spawning g2, jobs 9 spawning g2, mail 5 stopping")
}

func TestWhatIsStoppedHasNoWorkers(t *testing.T) {
	s := upWithWorkers(t)
	s.state.endAlone(s.now)
	s.has("stop 3", "stop 4", "stop 5", "stop 1", "stop 2")
	s.exits(1, 2, 3, 4)
	s.isIn(Closing)
	s.exits(5)
	s.isIn(Stopped)
}

func TestAWorkerIsDetachedByItsPID(t *testing.T) {
	s := upWithWorkers(t)
	p := s.state.workerAs(104)
	if p == nil || p.number != 4 || s.state.readyAs(104) != nil {
		t.Fatal("worker 4 is not found")
	}
	s.state.recycleWorker(s.now, p, "detached by an operator")
	s.has("stop 4")
	s.exits(4)
	s.has("spawn 6 of /r1")
}

func TestTheNextPurserGoesOnWithTheWorkers(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.exits(3, 4)
	s.boots(8)
	s.passes(time.Second)
	s.goesOn(9) // which was not started yet
	s.has("spawn 10 of /r2")
	s.work("jobs 8 spawning g2, jobs 10 spawning g2, mail 5 stopping")
	s.boots(10)
	s.passes(4 * time.Second)
	s.work("jobs 8 ready g2, jobs 10 spawning g2, mail 5 stopping")
	s.passes(26 * time.Second)
	s.has("kill 5")
	s.exits(5)
	s.boots(11)
	s.passes(workerProves)
	got(t, "the restart", s.state.lastRestart().state, RestartDone)
}

func TestAWorkerThatBeganAsPurserWasKilledGoesOn(t *testing.T) {
	s := tell(t, withWorkers())
	s.boots(1, 2)
	s.goesOn()
	s.has()
	s.work("jobs 3 spawning, jobs 4 spawning, mail 5 spawning")
	s.passes(workerProves)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
}

func TestTheNextPurserAsksAWorkerToExitThatWasNotTold(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.procs[3].asked.Store(false)
	s.goesOn()
	s.has("stop 3")
}

func TestAWorkerThatDiesYoungAgainAndAgainFailsTheRestart(t *testing.T) {
	s := upWithWorkers(t)
	r := s.webReplaced()
	s.exits(3, 4, 5)
	s.boots(8, 9) // mail is not started yet
	for i, number := range []int{8, 11, 12} {
		if i > 0 {
			s.passes(2 * time.Second)
			s.boots(number)
		}
		s.passes(workerProves)
		got(t, "the restart", r.state, RestartRunning)
		s.exits(number)
	}
	s.boots(13)
	s.exits(6)
	s.boots(14)
	s.exits(7)
	got(t, "the restart", r.state, RestartFailed)
	got(t, "its reason", r.failure.Reason, "worker jobs exited with status 1")
}

func TestAWorkerThatDiesYoungOnceIsReplacedAtOnce(t *testing.T) {
	s := upWithWorkers(t)
	s.passes(time.Second)
	s.exits(3)
	s.has("spawn 6 of /r1")
	s.boots(6)
	s.passes(workerProves)
	s.did = nil
	s.exits(6)
	s.has() // this begins a row
	s.passes(2 * time.Second)
	s.has("spawn 7 of /r1")
}

// When it was started while nobody noted it, it has all of its time yet to show that it works.
func TestAWorkerThatBeganUnnotedHasItsWholeTime(t *testing.T) {
	s := tell(t, withWorkers())
	s.boots(1, 2)
	s.passes(3 * time.Second)
	s.goesOn()
	s.passes(3 * time.Second)
	s.work("jobs 3 spawning, jobs 4 spawning, mail 5 spawning")
	s.passes(2 * time.Second)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
}

// The newer code was deployed in the folder of the old: of that, processes that were kept serve again, and workers were not kept.
func TestARollbackInPlaceEndsWithoutTheWorkersThatCannotBeStarted(t *testing.T) {
	s := upWithWorkers(t, kept)
	s.restarts("/r1")
	s.boots(6)
	s.boots(7)
	s.exits(3, 4, 5)
	s.boots(8, 9, 10)
	s.passes(workerProves)
	back := s.rollsBack()
	s.exits(6, 7, 8, 9, 10)
	s.are("1 ready, 2 ready")
	s.work("")
	got(t, "how the rollback ended", back.state, RestartDone)
}
