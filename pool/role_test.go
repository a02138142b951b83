package pool

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// withWorkers has an app with two workers for jobs, and one for mail.
func withWorkers(change ...func(w *conf.Worker)) func(*conf.App) {
	return func(app *conf.App) {
		for name, count := range map[string]int{"jobs": 2, "mail": 1} {
			w := conf.NewWorker(name)
			w.Count = count
			for _, f := range change {
				f(&w)
			}
			app.SetWorker(w)
		}
	}
}

func before(w *conf.Worker) { w.Order = conf.BeforeWeb }

// work says what the workers are, like "jobs 3 ready, mail 4 spawning g2".
func (s *story) work(want string) {
	s.t.Helper()
	var all []string
	for _, p := range s.state.workers() {
		one := fmt.Sprintf("%s %d %v", p.role, p.number, p.state)
		if p.generation.number != 1 {
			one += fmt.Sprintf(" g%d", p.generation.number)
		}
		all = append(all, one)
	}
	if got := strings.Join(all, ", "); got != want {
		s.t.Fatalf("the workers are: %s\nand should be:   %s", got, want)
	}
}

// upWithWorkers is an app of which everything runs: web processes 1 and 2, workers 3, 4 and 5.
func upWithWorkers(t *testing.T, change ...func(*conf.App)) *story {
	s := tell(t, append([]func(*conf.App){withWorkers()}, change...)...)
	s.boots(1, 2)
	s.boots(3, 4, 5)
	s.passes(workerProves)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
	s.did = nil
	return s
}

// webReplaced has the web be of generation 2.
func (s *story) webReplaced() *restart {
	r := s.restarts("/r2")
	s.boots(6)
	s.exits(1)
	s.boots(7)
	s.exits(2)
	return r
}

func TestWorkersStartOnceTheWebServes(t *testing.T) {
	s := tell(t, withWorkers())
	s.has("spawn 1 of /r1", "spawn 2 of /r1")
	s.boots(1)
	s.has()
	s.boots(2)
	s.has("spawn 3 of /r1", "spawn 4 of /r1", "spawn 5 of /r1")
	s.boots(3, 4, 5)
	s.work("jobs 3 spawning, jobs 4 spawning, mail 5 spawning")
	s.passes(workerProves)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
	s.are("1 ready, 2 ready")
}

func TestAnAppThatRestsHasItsWorkers(t *testing.T) {
	s := tell(t, withWorkers(), func(app *conf.App) { app.MinProcesses = 0 })
	s.has("spawn 1 of /r1", "spawn 2 of /r1", "spawn 3 of /r1")
}

func TestARestartReplacesTheWorkersAfterTheWeb(t *testing.T) {
	s := upWithWorkers(t)
	r := s.restarts("/r2")
	s.boots(6)
	s.exits(1)
	s.did = nil
	s.boots(7)
	s.has("stop 3", "stop 4", "stop 5", "stop 2")
	s.exits(2)
	s.exits(3)
	s.has() // no worker of the new code beside one of the old
	s.exits(4)
	s.has("spawn 8 of /r2", "spawn 9 of /r2")
	s.boots(8, 9)
	s.passes(10 * time.Second)
	got(t, "the restart", r.state, RestartRunning) // mail still has a job
	s.exits(5)
	s.boots(10)
	s.passes(4 * time.Second)
	got(t, "the restart", r.state, RestartRunning)
	s.passes(time.Second)
	s.work("jobs 8 ready g2, jobs 9 ready g2, mail 10 ready g2")
	got(t, "the restart", r.state, RestartDone)
}

func TestAWorkerHasItsPatience(t *testing.T) {
	s := upWithWorkers(t, withWorkers(func(w *conf.Worker) { w.StopTimeout = 5 * time.Minute }))
	s.webReplaced()
	s.did = nil
	s.passes(5*time.Minute - time.Second)
	s.has()
	s.passes(time.Second)
	s.has("kill 3", "kill 4", "kill 5")
	s.passes(time.Hour)
	got(t, "times it was killed", strings.Count(fmt.Sprint(s.did), "kill"), 0)
}

func TestWithOrderBeforeTheNewWebServesOnceTheOldWorkersAreGone(t *testing.T) {
	s := upWithWorkers(t, withWorkers(before))
	s.restarts("/r2")
	s.did = nil
	s.boots(6)
	s.has("stop 3", "stop 4", "stop 5")
	s.are("1 ready, 2 ready, 6 spawning g2")
	s.exits(3, 4)
	s.are("1 ready, 2 ready, 6 spawning g2")
	s.did = nil
	s.exits(5)
	s.are("1 stopping, 2 ready, 6 ready g2, 10 spawning g2")
	s.work("jobs 7 spawning g2, jobs 8 spawning g2, mail 9 spawning g2")
}

func TestWithOrderBeforeCodeThatDoesNotStartStopsNoWorker(t *testing.T) {
	s := upWithWorkers(t, withWorkers(before))
	s.restarts("/r2")
	s.did = nil
	s.exits(6)
	s.has()
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
}

func TestAWorkerThatDoesNotStartFailsTheRestart(t *testing.T) {
	s := upWithWorkers(t, func(app *conf.App) { app.Restart.RollbackWindow = time.Minute })
	r := s.restarts("/r2")
	s.boots(6)
	s.boots(7)
	s.exits(3, 4, 5)
	s.boots(8, 9, 10)
	s.exits(8)
	s.are("1 ready, 2 ready, 6 stopping g2, 7 stopping g2")
	got(t, "the restart", r.state, RestartFailed)
	got(t, "its reason", r.failure.Reason, "worker jobs exited with status 1 within 5s of its start")
	s.work("jobs 9 stopping g2, mail 10 stopping g2")
	s.exits(9, 10)
	s.boots(11, 12, 13)
	s.passes(workerProves)
	s.work("jobs 11 ready, jobs 12 ready, mail 13 ready")
	s.isIn(Resisting)
}

func TestARollbackBringsTheWorkersBack(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.exits(3, 4, 5)
	s.boots(8, 9, 10)
	s.passes(workerProves)
	r, err := s.state.rollback(s.now, "back", "")
	if err != nil {
		t.Fatal(err)
	}
	s.boots(11)
	s.exits(6)
	s.boots(12)
	s.exits(7)
	s.work("jobs 8 stopping g2, jobs 9 stopping g2, mail 10 stopping g2")
	s.exits(8, 9, 10)
	got(t, "the rollback", r.state, RestartRunning)
	s.boots(13, 14, 15)
	s.passes(workerProves)
	got(t, "the rollback", r.state, RestartDone)
}

func TestABlockingRestartHasNoWorkerBesideTheNewCode(t *testing.T) {
	s := upWithWorkers(t)
	s.did = nil
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r2"}, Strategy: Blocking})
	s.has("stop 3", "stop 4", "stop 5", "stop 1", "stop 2")
	s.exits(1, 2, 3, 4)
	s.has()
	s.exits(5)
	s.has("spawn 6 of /r2", "spawn 7 of /r2")
	s.boots(6)
	s.has("spawn 8 of /r2", "spawn 9 of /r2", "spawn 10 of /r2")
}

func TestABlueGreenRestartReplacesTheWorkersAtItsSwitch(t *testing.T) {
	s := upWithWorkers(t)
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r2"}, Strategy: BlueGreen})
	s.boots(6)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
	s.did = nil
	s.boots(7)
	s.has("stop 3", "stop 4", "stop 5", "stop 1", "stop 2")
}

func TestWorkersStayOldUntilTheCanaryIsPromoted(t *testing.T) {
	s := upWithWorkers(t, withWorkers(before))
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r2"}, Strategy: Rolling, Canary: conf.Amount{Count: 1}})
	s.boots(6)
	s.are("1 ready, 2 ready, 6 ready g2")
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
	if _, err := s.state.promote(s.now); err != nil {
		t.Fatal(err)
	}
	s.work("jobs 3 stopping, jobs 4 stopping, mail 5 stopping")
}

func TestABlueGreenRestartSwitchesOnceTheOldWorkersAreGoneWithOrderBefore(t *testing.T) {
	s := upWithWorkers(t, withWorkers(before))
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r2"}, Strategy: BlueGreen})
	s.did = nil
	s.boots(6, 7)
	s.has("stop 3", "stop 4", "stop 5")
	s.are("1 ready, 2 ready, 6 spawning g2, 7 spawning g2")
	s.exits(3, 4)
	s.are("1 ready, 2 ready, 6 spawning g2, 7 spawning g2")
	s.exits(5)
	s.are("1 stopping, 2 stopping, 6 ready g2, 7 ready g2")
}

func TestNoWorkerGoesWhileOldWebProcessesServe(t *testing.T) {
	s := upWithWorkers(t)
	app := s.state.app
	app.MinProcesses = 1
	s.state.configure(s.now, app, 0)
	s.restarts("/r2")
	s.boots(6)
	s.work("jobs 3 ready, jobs 4 ready, mail 5 ready")
	s.exits(1)
	s.boots(7)
	s.work("jobs 3 stopping, jobs 4 stopping, mail 5 stopping")
}

func TestNoWorkerGoesForARestartThatMayYetBeJoined(t *testing.T) {
	s := upWithWorkers(t)
	s.did = nil
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r2"}, Strategy: Blocking, Settle: time.Second})
	s.has()
	s.passes(time.Second)
	s.has("stop 3", "stop 4", "stop 5", "stop 1", "stop 2")
}

func TestWorkersOfAnAppThatRestsStayIfNewCodeDoesNotStart(t *testing.T) {
	s := tell(t, withWorkers(), func(app *conf.App) { app.MinProcesses = 0 })
	s.boots(1, 2, 3)
	s.passes(workerProves)
	r := s.restarts("/r2")
	s.exits(4)
	got(t, "the restart", r.state, RestartFailed)
	s.work("jobs 1 ready, jobs 2 ready, mail 3 ready")
}

// One that ends has no like any more, for its restart was superseded, and the folder of the last good code has newer code.
func TestCodeThatIsNeitherWantedNorGoodGetsNoNewWorkers(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.exits(3, 4, 5)
	s.boots(8, 9)
	s.passes(workerProves)
	s.restarts("/r1")
	s.did = nil
	s.exits(8)
	s.has()
	s.work("jobs 9 ready g2, mail 10 spawning g2")
}

// Once nothing says any more that the newest is to come, the workers are of the last good code again.
func TestACanaryOfANewerRestartHasTheWorkersOfTheGoodCode(t *testing.T) {
	s := upWithWorkers(t)
	s.webReplaced()
	s.exits(3, 4, 5)
	s.boots(8, 9, 10)
	s.state.restart(s.now, "r", RestartRequest{Release: Release{Path: "/r3"}, Strategy: Rolling, Canary: conf.Amount{Count: 1}})
	s.work("jobs 8 stopping g2, jobs 9 stopping g2, mail 10 stopping g2")
}
