// Package deploy begins restarts and does what follows one. A restart is asked for by a touch, by what has
// changed on disk, by a signal or by the admin API; each is prepared here (touches that come in bursts are
// gathered, the before_restart hook is asked, the release is resolved once, the free memory is shared out)
// and then begun by the pool, which decides about processes. When it has ended, restart.status is written,
// the marks that it was begun for are settled, and hooks run.
package deploy

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
	"purser/restart"
	"purser/restart/disk"
	"purser/spawn"
	"purser/spawn/keeper"
)

// A Deployer does so for all apps. New makes it, Stop ends the restarts that are being prepared, and Close
// ends it.
type Deployer struct {
	pool    *pool.Pool
	keeper  *keeper.Keeper
	watcher *restart.Watcher
	notices *restart.Watcher
	checker *restart.Checker
	memory  *memory
	events  *follower
	seen    func(pool.Event)
	memo    *memo
	log     hclog.Logger
	hookLog hclog.Logger
	disk    func(conf.App) disk.Disk
	look    func(over context.Context, app string) error
	landed  func(app string)
	noticed func(app string, there bool)

	ctx     context.Context // of whatever is prepared
	stop    context.CancelFunc
	yielded atomic.Bool // another process does all of it by now

	mu   sync.Mutex // guards what follows
	apps map[string]*App
	left map[string][]byte // what the front before has noted
}

// Config is what a Deployer needs. All of it but Memo, Seen and Disk is required.
type Config struct {
	Pool   *pool.Pool
	Keeper *keeper.Keeper    // parent of the hooks
	Memo   string            // file for what is to be known after purser's own restart; "" = none
	Seen   func(pool.Event)  // is told of each event in the pool, in their order, and does not wait
	Left   map[string][]byte // what a front of purser before this one has noted; nil = there was none
	Log    hclog.Logger

	// Disk is the way to what the user of an app owns; nil = disk.Own for all.
	Disk func(conf.App) disk.Disk

	// Look finds out again what an app is, of which a restart is about to begin; what is found is told by App.Change. Its
	// error is why the restart cannot begin. It returns early if the context ends. nil = apps stay what they are.
	Look func(over context.Context, app string) error

	// Noticed is told whether the file is there by which an app is in maintenance: when the app begins to be watched, and
	// after each change. It may not ask for the app; nil = nobody is.
	Noticed func(app string, there bool)

	// Landed is told when a restart has ended, of whatever outcome; nil = nobody is.
	Landed func(app string)
}

// New returns a Deployer without apps.
func New(c Config) *Deployer {
	d := &Deployer{pool: c.Pool, keeper: c.Keeper, seen: c.Seen, memory: newMemory(), memo: readMemo(c.Memo, c.Log.Named("restart")),
		log: c.Log.Named("restart"), hookLog: c.Log.Named("hook"), apps: map[string]*App{}, left: maps.Clone(c.Left)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.watcher = restart.New(nil, d.live, d.touched, c.Log)
	d.checker = restart.NewChecker(nil, d.processes, d.changed, c.Log)
	d.checker.Reexecuted, d.watcher.Made, d.watcher.Saw = d.reexecuted, d.checker.Made, d.saw
	d.disk = c.Disk
	if d.disk == nil {
		d.disk = func(conf.App) disk.Disk { return disk.Own }
	}
	if d.look = c.Look; d.look == nil {
		d.look = func(context.Context, string) error { return nil }
	}
	if d.landed = c.Landed; d.landed == nil {
		d.landed = func(string) {}
	}
	if d.noticed = c.Noticed; d.noticed == nil {
		d.noticed = func(string, bool) {}
	}
	d.watcher.Disk, d.checker.Disk = d.disk, d.disk
	d.notices = d.newNotices()
	d.events = follow(c.Pool, d.happened, d.log)
	return d
}

// Run watches the restart files, the notices and the code of all apps until ctx ends, and returns nil then.
func (d *Deployer) Run(ctx context.Context) error {
	var checking sync.WaitGroup
	checking.Go(func() { d.checker.Run(ctx) })     // it never fails
	checking.Go(func() { _ = d.notices.Run(ctx) }) // nor does this
	defer checking.Wait()
	return d.watcher.Run(ctx)
}

// Stop gives up what is being prepared. From now on nothing is begun, taken back or promoted. What is to be known of
// the apps is written for all of them at once: as each of them ends, it would be as often as there are apps.
func (d *Deployer) Stop() {
	d.stop()
	pasts := map[string]func() pool.Past{}
	for _, a := range d.all() {
		if g := d.pool.Group(a.name); g != nil {
			pasts[a.name] = g.Past
		}
	}
	d.memo.noteAll(pasts)
}

// Close returns once all that has happened was followed. Every App must have been removed.
func (d *Deployer) Close() {
	d.stop()
	d.events.close()
	d.memo.close()
}

// Add makes room for an app. Its marks and its code are looked at once: what is there by now counts as asked
// for, so that it has to be called before the first process starts. What its hooks print goes to lines.
func (d *Deployer) Add(app conf.App, lines spawn.Lines) *App {
	if restart.AlwaysIgnored(d.disk(app), app) {
		d.log.Warn("always_restart.txt is for development only, and ignored", "app", app.Name, "environment", app.Environment)
	}
	if warning := app.ReloadWarning(); warning != "" {
		d.log.Warn("the server reloads by itself", "app", app.Name, "warning", warning)
	}
	a := newApp(d, app, lines)
	d.mu.Lock()
	d.apps[app.Name] = a
	d.mu.Unlock()
	d.checker.Add(app)
	return a
}

func (d *Deployer) app(name string) *App {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.apps[name]
}

func (d *Deployer) all() []*App {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*App
	for _, a := range d.apps {
		all = append(all, a)
	}
	return all
}

// live is the release that an app is wanted to run, "" if it has no group yet.
func (d *Deployer) live(app string) string {
	if g := d.pool.Group(app); g != nil {
		return g.Wanted().Path
	}
	return ""
}

// touched is called when an app's restart file was touched, or its code has changed. It is on the
// goroutine that watches all apps, and so only takes note.
func (d *Deployer) touched(app, reason string) {
	if a := d.app(app); a != nil {
		a.touched(restart.ByTouch, reason)
	}
}

// changed is called when an app's code has changed on disk, and it restarts by itself then.
func (d *Deployer) changed(app, reason string) {
	if a := d.app(app); a != nil && d.HeldBack(app) == "" {
		a.touched(restart.ByAuto, reason)
	}
}

// HeldBack says why an app is not to be restarted without a word about its code: an operator has taken that code
// back, or has asked for a canary of it and has yet to decide. So it stays until somebody asks for a restart of
// that app (or of all: --all) or touches its restart file, or its root leads elsewhere. "" = it may be restarted.
func (d *Deployer) HeldBack(app string) (why string) {
	g, a := d.pool.Group(app), d.app(app)
	if g == nil || a == nil {
		return ""
	}
	held, is := g.TakenBack()
	why = "its newest code was rolled back"
	if !is {
		held, is = g.AtCanary()
		why = "its canary waits to be promoted or rolled back"
	}
	if !is {
		return ""
	}
	if now, err := restart.ResolveRelease(a.disk(), a.now().Root); err != nil || !same(pool.Release(now), held) {
		return ""
	}
	return why
}

// RestartAll restarts every app, as SIGUSR1 asks for. It returns at once.
func (d *Deployer) RestartAll(by string) {
	for _, a := range d.all() {
		if why := d.HeldBack(a.name); why != "" {
			a.log.Warn("not restarted, as "+why+"; to use its newest code, run purser restart", "by", by)
			continue
		}
		a.start(func() { a.begin(pool.RestartRequest{By: by, Reason: by}) }) // its error is in the log
	}
}

// Restart begins a restart, for the admin API.
func (d *Deployer) Restart(g *pool.Group, request pool.RestartRequest) (pool.RestartSnapshot, error) {
	a := d.app(g.Name())
	if a == nil {
		return pool.RestartSnapshot{}, d.over(pool.ErrClosed)
	}
	r, err := a.begin(request)
	d.memo.note(g.Name(), g.Past) // before anybody is told that it has begun: a canary is held back from now on
	return r, err
}

// Rollback takes the newest code of an app back.
func (d *Deployer) Rollback(g *pool.Group, by, reason string) (pool.RestartSnapshot, error) {
	if d.ctx.Err() != nil {
		return pool.RestartSnapshot{}, d.over(pool.ErrClosed)
	}
	r, err := g.Rollback(by, reason)
	d.memo.note(g.Name(), g.Past) // before anybody is told that it was taken back
	return r, err
}

// Promote lets the restart of an app go on that waits at its canary.
func (d *Deployer) Promote(g *pool.Group) (pool.RestartSnapshot, error) {
	if d.ctx.Err() != nil {
		return pool.RestartSnapshot{}, d.over(pool.ErrClosed)
	}
	return g.Promote()
}

// Mark notes that an app needs a restart.
func (d *Deployer) Mark(app, reason string) error {
	a := d.app(app)
	if a == nil {
		return pool.ErrClosed
	}
	defer d.checker.Marked(app)
	return restart.WriteMark(a.disk(), a.now().Root, reason)
}

// Needs is why an app needs a restart.
func (d *Deployer) Needs(app string) []restart.Need {
	if d.HeldBack(app) != "" {
		return []restart.Need{} // it needs that somebody decides
	}
	return d.checker.Needs(app)
}

// AffinityKey is what signs the pins of visitors. It is the same for the purser that comes after this one, which
// goes on counting generations.
func (d *Deployer) AffinityKey() []byte { return d.memo.affinityKey() }

// Fresh has an app in development serve a request by code that was loaded after it came, as long as its
// always_restart.txt is there. It returns the generation that may.
func (d *Deployer) Fresh(app string) (int, error) {
	g, a := d.pool.Group(app), d.app(app)
	if g == nil || a == nil || d.yielded.Load() || !restart.Always(a.disk(), a.now()) {
		return 0, nil
	}
	if s := g.Snapshot().Restart; s != nil && s.State == pool.RestartRunning && s.Replaced == 0 {
		return s.Generation, nil // its processes are about to load the code
	}
	begun, err := a.begin(pool.RestartRequest{Strategy: pool.Blocking, By: restart.ByAlways, Reason: "always_restart.txt", Insist: true})
	return begun.Generation, err
}
