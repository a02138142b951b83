package pool

import (
	"testing"
	"testing/synctest"
	"time"

	"purser/conf"
)

// configures has the app go by another configuration.
func (s *story) configures(change func(*conf.App)) {
	app := s.state.app
	change(&app)
	s.slots.reserve(s, app.MinProcesses)
	s.state.configure(s.now, app, 0)
}

func TestMoreProcessesAreSpawnedWhenMinGrows(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.configures(func(a *conf.App) { a.MinProcesses = 3 })
	s.are("1 ready, 2 ready, 3 spawning")
}

func TestProcessesGoWhenMaxShrinks(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	w := s.asks()
	s.configures(func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 1, 1 })
	s.are("1 ready, 2 stopping")
	s.done(w)
	s.are("1 ready, 2 stopping")
}

func TestRestartUnderWayIsToTheNewSize(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	r := s.restarts("/r2")
	s.configures(func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 1, 1 })
	s.are("1 stopping, 2 ready, 3 spawning g2")
	s.exits(1)
	s.boots(3)
	s.exits(2)
	s.are("3 ready g2")
	got(t, "the restart", r.state, RestartDone)
}

func TestMoreIsLentWhenTheConcurrencyGrows(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 1, 1 })
	s.boots(1)
	s.asks()
	waits := s.asks()
	got(t, "whether it waits", waits.queued, true)
	s.configures(func(a *conf.App) { a.Concurrency = 2 })
	got(t, "who serves it", waits.proc, s.procs[1])
}

func TestWhoWaitsDoesNotWaitLongerThanOneWhoComes(t *testing.T) {
	s := tell(t, func(a *conf.App) { a.QueueTimeout = time.Hour })
	waits := s.asks()
	s.configures(func(a *conf.App) { a.QueueTimeout = time.Second })
	s.passes(time.Second)
	got(t, "its answer", waits.err, ErrQueueTimeout)
}

func TestAppThatIsConfiguredAnewResistsOrDoesNot(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.configures(func(a *conf.App) { a.Restart.ResistDeploymentErrors = false })
	s.restarts("/r2")
	s.exits(3)
	s.isIn(Restarting)
	got(t, "the target", s.state.target().number, 2)
}

func TestRoomThatIsNotKeptAnyMoreIsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openShop(2)
		defer s.close(t)
		a := s.add("a", func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 1 })
		b := s.add("b", func(app *conf.App) { app.MinProcesses, app.MaxProcesses = 1, 2 })
		time.Sleep(10 * time.Second)
		one := acquired(t, b)
		waiting := make(chan *Process)
		go func() { waiting <- acquired(t, b) }()
		time.Sleep(10 * time.Second)
		got(t, "what b has", alive(b), 1)
		app := a.App()
		app.MinProcesses, app.IdleTimeout = 0, time.Second
		a.Configure(app, 0)
		two := <-waiting
		got(t, "what a is configured for", a.App().MinProcesses, 0)
		b.Release(one, Worked)
		b.Release(two, Worked)
		func() {
			defer func() { got(t, "whether another name is a bug", recover() != nil, true) }()
			app.Name = "c"
			a.Configure(app, 0)
		}()
	})
}

// A canary is beside as many as the app is to have, also if that grows.
func TestOldCodeGrowsBesideACanaryWhenMinGrows(t *testing.T) {
	s := tell(t)
	s.boots(1, 2)
	s.canary(one)
	s.boots(3)
	s.did = nil
	s.configures(func(a *conf.App) { a.MinProcesses, a.MaxProcesses = 3, 3 })
	s.has("spawn 4 of /r1")
	s.boots(4)
	s.are("1 ready, 2 ready, 3 ready g2, 4 ready")
}
