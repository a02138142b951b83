package deploy

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/spawn"
)

// An App is what has to do with the restarts of one app. Add makes it; Watch begins to look for restarts,
// Refuse ends that, and Remove ends it.
type App struct {
	deployer *Deployer
	conf     conf.App // its hooks apart, which may change
	hooks    *hookQueue
	lines    spawn.Lines // takes what hooks print
	log      hclog.Logger
	turn     chan struct{} // held by who prepares a restart

	ctx      context.Context // of whatever is prepared
	refuse   context.CancelFunc
	prepared sync.WaitGroup // the goroutines of start

	mu       sync.Mutex // guards what follows
	commands conf.Hooks
	touches  touches
	marks    map[string][]restart.Mark // what each restart that runs settles when it is done, by its id
	failed   string                    // id of the last restart that failed, which may be done after all
}

func newApp(d *Deployer, app conf.App, lines spawn.Lines) *App {
	log := d.log.With("app", app.Name)
	a := &App{deployer: d, conf: app, commands: app.Hooks, hooks: newHookQueue(d.hookLog.With("app", app.Name)), lines: lines, log: log,
		turn: make(chan struct{}, 1), marks: map[string][]restart.Mark{}}
	a.ctx, a.refuse = context.WithCancel(d.ctx)
	return a
}

// Origin returns what the app is to start with, where its root leads to newest: that, and what is known from
// before. What was taken back then stays back, and what did not start is tried while the last good release
// serves, as long as that is there.
func (a *App) Origin(newest pool.Release) (pool.Release, pool.Past) {
	past := a.deployer.memo.of(a.conf.Name)
	plain := pool.Past{Generation: past.Generation}
	if past.TakenBack == nil || past.Good == nil || !same(*past.TakenBack, newest) ||
		past.Why == pool.ByStart && !a.conf.Restart.ResistDeploymentErrors {
		return newest, plain
	}
	there, err := restart.ResolveRelease(past.Good.Path)
	if err != nil || !same(pool.Release(there), *past.Good) {
		a.log.Warn("the newest release did not serve before, but the folder of the one that did is gone, so the newest serves",
			"release", newest.Path, "reason", past.Reason, "gone", past.Good.Path)
		return newest, plain
	}
	said := "the newest release was rolled back, so the one before serves; to use the newest, run purser restart"
	if past.Why == pool.ByStart {
		said = "the newest release did not start before, so the last one that worked serves until it does"
	}
	a.log.Warn(said, "release", newest.Path, "reason", past.Reason, "serving", past.Good.Path)
	return pool.Release(there), past
}

// same reports whether two releases are the same folder.
func same(a, b pool.Release) bool { return a.Path == b.Path && a.Dev == b.Dev && a.Inode == b.Inode }

// Watch looks at the app's restart file from now on. Its group has just been made.
func (a *App) Watch() { a.deployer.watcher.Add(a.conf) }

// Refuse ends the watch and gives up what is being prepared. It returns when that has ended.
func (a *App) Refuse() {
	a.deployer.watcher.Remove(a.conf.Name)
	a.mu.Lock()
	a.refuse()
	a.mu.Unlock()
	a.prepared.Wait()
}

// lastHooks is how long hooks may go on once everything else has stopped.
const lastHooks = 5 * time.Second

// Remove does what has to follow what has happened to the app, the hooks included, and forgets it. Its group
// has been closed, and is still in the pool.
func (a *App) Remove() {
	a.Refuse()
	a.deployer.events.catchUp()
	a.hooks.close(lastHooks)
	a.deployer.checker.Remove(a.conf.Name)
	a.deployer.memory.release(a.conf.Name, "")
	a.deployer.mu.Lock()
	defer a.deployer.mu.Unlock()
	delete(a.deployer.apps, a.conf.Name)
}

// Change has other hooks run from now on.
func (a *App) Change(hooks conf.Hooks) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.commands = hooks
}

func (a *App) hooksNow() conf.Hooks {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.commands
}

// start runs what prepares a restart, unless none is begun any more.
func (a *App) start(prepare func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() == nil {
		a.prepared.Go(prepare)
	}
}
