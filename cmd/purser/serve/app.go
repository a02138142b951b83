package serve

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/restart/deploy"
	"purser/spawn"
	"purser/spawn/keeper"
)

// What all apps of a purser share.
type shared struct {
	pool     *pool.Pool
	keeper   *keeper.Keeper // parent of all children
	deployer *deploy.Deployer
	folder   string // for the sockets of apps
	log      hclog.Logger
	lines    func(conf.App) (spawn.Lines, error) // opens what an app prints to
}

// An App is one app from its start to its end. It owns its configuration, its group of processes, what starts
// them, and its restarts: hooks, watch and marks. Others may come and go beside it.
type App struct {
	shared *shared

	mu       sync.Mutex // held while the app starts, changes or stops; guards what follows
	conf     conf.App   // as spawn.Detect returned it
	spawner  *spawn.Spawner
	group    *pool.Group // nil while it does not run
	restarts *deploy.App
}

func newApp(s *shared, app conf.App) *App { return &App{shared: s, conf: app} }

// Conf is how the app is configured now.
func (a *App) Conf() conf.App {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conf
}

// Start resolves the app's release and makes its group, which begins to start processes at once. An app that
// was stopped may be started again.
func (a *App) Start() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.group != nil {
		panic("BUG: app " + a.conf.Name + " is started twice")
	}
	release, err := restart.ResolveRelease(a.conf.Root)
	if err != nil {
		return refusal(fmt.Errorf("cannot serve app %q: %w", a.conf.Name, err))
	}
	lines, err := a.shared.lines(a.conf)
	if err != nil {
		return refusal(err)
	}
	a.spawner = spawn.New(a.shared.keeper, a.conf, a.shared.folder, lines)
	a.restarts = a.shared.deployer.Add(a.conf, lines)
	origin, past := a.restarts.Origin(pool.Release(release))
	a.group = a.shared.pool.Resume(a.conf, origin, past, a.restarts.Noting(spawning(a.spawner)))
	a.restarts.Watch()
	return nil
}

// Change has the app go on by another configuration of the same name. Its hooks may be others, and what its group
// goes by. Anything else is refused, and then nothing is changed.
func (a *App) Change(to conf.App) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !reflect.DeepEqual(changed(a.conf, to), to) {
		return fmt.Errorf("cannot change app %q while it runs: only its hooks, its numbers of processes, its queue and how it restarts can be changed yet; stop it and start it again", a.conf.Name)
	}
	a.conf = to
	if a.group != nil {
		a.group.Configure(to)
		a.restarts.Change(to.Hooks)
	}
	return nil
}

// changed is app with what can be changed in place as it is in to.
func changed(app, to conf.App) conf.App {
	app.Hooks = to.Hooks
	app.MinProcesses, app.MaxProcesses, app.IdleTimeout, app.MaxRequests = to.MinProcesses, to.MaxProcesses, to.IdleTimeout, to.MaxRequests
	app.MaxQueue, app.QueueTimeout = to.MaxQueue, to.QueueTimeout
	app.WebsocketDrainTimeout, app.StopTimeout = to.WebsocketDrainTimeout, to.StopTimeout
	app.Health.Probation = to.Health.Probation
	from, r := to.Restart, &app.Restart
	r.Strategy, r.Surge, r.Unavailable, r.SwitchTimeout = from.Strategy, from.Surge, from.Unavailable, from.SwitchTimeout
	r.ResistDeploymentErrors, r.RollbackWindow, r.MaxOldGenerations = from.ResistDeploymentErrors, from.RollbackWindow, from.MaxOldGenerations
	return app
}

// Stop ends the app: no restart is begun any more, requests that run are answered, and every process is
// stopped; what lives when patience ends is killed. It returns when nothing of the app is left. One that does
// not run is left as it is.
func (a *App) Stop(patience context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.group == nil {
		return nil
	}
	a.restarts.Refuse()
	err := a.group.Close(patience)
	a.restarts.Remove()
	a.shared.pool.Remove(a.group)
	err = errors.Join(err, a.spawner.Close())
	a.group, a.restarts, a.spawner = nil, nil, nil
	return err
}
