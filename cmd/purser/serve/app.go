package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"purser/cmd/purser/serve/log"
	"purser/conf"
	"purser/pool"
	"purser/restart/deploy"
	"purser/restart/disk"
	"purser/spawn"
	"purser/spawn/keeper"
)

// What all apps of a purser share.
type shared struct {
	pool     *pool.Pool
	keeper   *keeper.Keeper // parent of all children
	yielding *atomic.Bool   // another front goes on with them
	deployer *deploy.Deployer
	folder   string // for the sockets of apps
	log      hclog.Logger
	lines    func(conf.App) (spawn.Lines, error)         // opens what an app prints to
	disk     func(conf.App) disk.Disk                    // the way to what the user of an app owns; nil = disk.Own
	within   func(app, release string) (conf.App, error) // finds out what an app is in a release; nil = that cannot be told
	found    func(app string) string                     // where a reader has found the app's folder, "" = it was not said; nil = there is none
}

func (s *shared) diskOf(app conf.App) disk.Disk {
	if s.disk == nil {
		return disk.Own
	}
	return s.disk(app)
}

// An App is one app from its start to its end. It owns its configuration, its group of processes, what starts
// them, and its restarts: hooks, watch and marks. Others may come and go beside it.
type App struct {
	shared *shared
	out    atomic.Pointer[spawn.Lines] // what it prints goes there

	unserved atomic.Pointer[unserved] // nil = it can be served

	life sync.Mutex // held while the app starts or stops, which may take long

	mu       sync.Mutex // guards what follows
	conf     conf.App   // as spawn.Detect returned it
	group    *pool.Group
	editions *editions   // nil while it does not run, or is being stopped
	restarts *deploy.App // likewise
	astray   bool        // what it prints goes elsewhere than conf says
	missed   []string    // keys that wait for GoOn to begin the restart which brings them
}

func newApp(s *shared, app conf.App) *App { return &App{shared: s, conf: app} }

// Conf is how the app is configured now.
func (a *App) Conf() conf.App {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conf
}

// Check says why the app could not start with a configuration, or be changed to it, if logs are opened by these rules.
func (a *App) Check(to conf.App, rules log.Rules) error {
	if _, err := a.shared.resolve(to); err != nil {
		return err
	}
	if err := rules.Try(to.Log); err != nil {
		return refusal(fmt.Errorf("app %s: %w", to.Name, err))
	}
	return nil
}

// Start resolves the app's release and makes its group, which begins to start processes at once. An app that
// was stopped may be started again.
func (a *App) Start() error {
	a.life.Lock()
	defer a.life.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.editions != nil {
		panic("BUG: app " + a.conf.Name + " is started twice")
	}
	release, err := a.open()
	if err != nil {
		return err
	}
	if a.group != nil {
		a.endUnserved()
		a.shared.pool.Remove(a.group)
	}
	a.unserved.Store(nil)
	a.restarts = a.shared.deployer.Add(a.conf, a.print)
	origin, past := a.restarts.Origin(release)
	a.editions = newEditions(a.firstEditions(origin, &past), a.shared.log.With("app", a.conf.Name), a.noteEdition)
	a.restarts.Change(a.conf, a.editions.newest)
	a.group = a.shared.pool.Resume(a.conf, origin, past, a.restarts.Noting(a.editions.spawn))
	if a.shared.deployer.IsPaused(a.conf.Name) {
		_ = a.group.Pause() // it is neither closed nor another front's
	}
	a.restarts.Watch()
	return nil
}

// StartStopped makes the group of an app that an operator has stopped: nothing runs, and whoever asks is told so.
func (a *App) StartStopped() error {
	a.life.Lock()
	defer a.life.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	release, err := a.open()
	if err != nil {
		return err
	}
	a.group = a.shared.pool.ResumeStopped(a.conf, release, a.shared.deployer.Past(a.conf.Name))
	a.noteHalted()
	return nil
}

// open opens what the app prints to, and resolves its release. It is called with mu held.
func (a *App) open() (pool.Release, error) {
	release, err := a.shared.resolve(a.conf)
	if err != nil {
		return pool.Release{}, err
	}
	return pool.Release(release), refusal(a.openLog(a.conf))
}

// OpenLog has what the app prints go where its configuration says.
func (a *App) OpenLog() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.openLog(a.conf)
}

func (a *App) openLog(app conf.App) error {
	lines, err := a.shared.lines(app)
	if err == nil {
		a.out.Store(&lines)
		a.astray = false
	}
	return err
}

// PrintsAstray reports whether what the app prints goes elsewhere than its configuration says, as that could not be
// opened.
func (a *App) PrintsAstray() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.astray
}

// edition is what starts processes with a configuration of the app.
func (a *App) edition(app conf.App) *edition {
	return &edition{app: app, spawner: spawn.New(a.shared.keeper, app, a.shared.folder, a.print)}
}

func (a *App) print(line spawn.Line) { (*a.out.Load())(line) }

// Halt stops the app, as Stop does, and leaves its group in the pool: whoever asks is told that it was stopped.
func (a *App) Halt(patience context.Context) error {
	a.life.Lock()
	defer a.life.Unlock()
	err := a.halt(patience, (*pool.Group).Stop)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.shared.yielding.Load() && a.Unserved() == nil {
		a.noteHalted()
	}
	return err
}

// Yield leaves the app's folders to another front, which goes on with the app and its processes.
func (a *App) Yield() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.editions != nil {
		a.editions.yield()
	}
}

// LeaveSources leaves to another front what its processes have not taken with them.
func (a *App) LeaveSources() {
	a.mu.Lock()
	all := a.editions
	a.mu.Unlock()
	if all != nil {
		all.leaveAll()
	}
}

// Remove ends the app while the others go on: as Halt does, and then nobody knows of it.
func (a *App) Remove(patience context.Context) error { return a.end(patience, (*pool.Group).Stop) }

// Stop ends the app as purser stops: no restart is begun any more, requests that run are answered, and every process is
// stopped; what lives when patience ends is killed. It returns when nothing of the app is left. One that does
// not run is left as it is.
func (a *App) Stop(patience context.Context) error { return a.end(patience, (*pool.Group).Close) }

func (a *App) end(patience context.Context, close func(*pool.Group, context.Context) error) error {
	a.life.Lock()
	defer a.life.Unlock()
	err := a.halt(patience, close)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.shared.yielding.Load() {
		return err
	}
	if a.group != nil {
		a.shared.pool.Remove(a.group)
		a.group = nil
	}
	a.noteEdition(0, nil)
	return err
}

func (a *App) halt(patience context.Context, close func(*pool.Group, context.Context) error) error {
	a.mu.Lock()
	group, all, restarts := a.group, a.editions, a.restarts
	a.editions, a.restarts = nil, nil
	a.endUnserved()
	a.mu.Unlock()
	if all == nil {
		return nil
	}
	restarts.Refuse()
	restarts.Note(group)
	err := close(group, patience)
	if a.shared.yielding.Load() {
		return err // another front ends it
	}
	restarts.Remove()
	return errors.Join(err, all.closeAll())
}
