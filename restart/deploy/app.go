package deploy

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/restart/disk"
	"purser/spawn"
)

// An App is what has to do with the restarts of one app. Add makes it; Watch begins to look for restarts,
// Refuse ends that, and Remove ends it.
type App struct {
	deployer *Deployer
	name     string
	hooks    *hookQueue
	lines    spawn.Lines // takes what hooks print
	log      hclog.Logger
	turn     chan struct{} // held by who prepares a restart

	ctx      context.Context // of whatever is prepared
	refuse   context.CancelFunc
	prepared sync.WaitGroup // the goroutines of start
	noticing sync.Mutex     // held while it is looked for the notice, so that the last look is told last

	mu      sync.Mutex // guards what follows
	conf    conf.App
	config  int // the number of conf, for the pool
	touches touches
	marks   map[string][]restart.Mark // what each restart that runs settles when it is done, by its id
	failed  string                    // id of the last restart that failed, which may be done after all
}

func newApp(d *Deployer, app conf.App, lines spawn.Lines) *App {
	log := d.log.With("app", app.Name)
	a := &App{deployer: d, name: app.Name, conf: app, hooks: newHookQueue(d.hookLog.With("app", app.Name)), lines: lines, log: log,
		turn: make(chan struct{}, 1), marks: map[string][]restart.Mark{}}
	a.ctx, a.refuse = context.WithCancel(d.ctx)
	return a
}

// Origin returns what the app is to start with, where its root leads to newest: that, and what is known from
// before. What was taken back then stays back, and what did not start is tried while the last good release
// serves, as long as that is there.
func (a *App) Origin(newest pool.Release) (pool.Release, pool.Past) {
	past := a.deployer.memo.of(a.name)
	plain := pool.Past{Generation: past.Generation}
	if past.TakenBack == nil || past.Good == nil || !same(*past.TakenBack, newest) ||
		past.Why == pool.ByStart && !a.now().Restart.ResistDeploymentErrors {
		return newest, plain
	}
	there, err := restart.ResolveRelease(a.disk(), past.Good.Path)
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

// Watch looks at the app's restart file and its notice from now on. Its group has just been made.
func (a *App) Watch() {
	a.deployer.watcher.Add(a.now(), a.deployer.takeLeft(fileNote(a.name)))
	a.deployer.notices.Add(noticeOf(a.now()), nil)
	a.lookForNotice()
}

// Refuse ends the watch and gives up what is being prepared. It returns when that has ended.
func (a *App) Refuse() {
	a.deployer.watcher.Remove(a.name)
	a.deployer.notices.Remove(a.name)
	a.mu.Lock()
	a.refuse()
	a.mu.Unlock()
	a.prepared.Wait()
}

// Note keeps what is to be known of the app when it starts again. Its group is about to be closed.
func (a *App) Note(g *pool.Group) { a.deployer.memo.note(a.name, g.Past) }

// lastHooks is how long hooks may go on once everything else has stopped.
const lastHooks = 5 * time.Second

// Remove does what has to follow what has happened to the app, the hooks included, and forgets it. Its group
// has been closed, and is still in the pool.
func (a *App) Remove() {
	a.Refuse()
	a.deployer.events.catchUp()
	a.hooks.close(lastHooks)
	a.deployer.checker.Remove(a.name)
	a.deployer.memory.release(a.name, "")
	a.deployer.mu.Lock()
	defer a.deployer.mu.Unlock()
	delete(a.deployer.apps, a.name)
	a.deployer.note(fileNote(a.name), nil)
}

// Change has the app go by another configuration of its name from now on. Restarts that begin then have their
// processes started with it, which is known to the pool by its number.
func (a *App) Change(to conf.App, number int) {
	a.mu.Lock()
	before := a.conf
	a.conf, a.config = to, number
	a.mu.Unlock()
	a.deployer.checker.Change(to)
	if before.Root != to.Root || before.Restart.File != to.Restart.File {
		a.deployer.watcher.Change(to)
	}
	if before.Root != to.Root || before.Maintenance.File != to.Maintenance.File {
		a.deployer.notices.Change(noticeOf(to))
		a.lookForNotice()
	}
}

// now is how the app is configured now.
func (a *App) now() conf.App {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conf
}

// disk is the way to what its user owns.
func (a *App) disk() disk.Disk { return a.deployer.disk(a.now()) }

// start runs what prepares a restart, unless none is begun any more.
func (a *App) start(prepare func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() == nil {
		a.prepared.Go(prepare)
	}
}
