// Package restart notices that new code is wanted: by each app's restart file, by marks that scripts
// drop, and by what is on disk being another than what its processes were started from. It says
// which release the app's root leads to. How a restart is done is not its matter.
//
// The restart file is looked at through the configured root, so that a symlink's flip is seen, and
// through the release that is live, so that touching it there works too. It asks for a restart when
// it is there and its modification time or inode is another than before: also if the time is an
// older one, and also if the file was not there. A file that goes asks for nothing. Nothing here ever
// creates it, and one that a process of the app makes as it starts asks for nothing.
//
// That code has changed is a statement about live processes and never a flag that somebody has to
// clear: it is so as long as a process's Print is not that of its app's root. What a process writes
// while it starts is its own doing. A Mark stays until a restart that was requested after it is done.
// For an app whose Restart.Auto is "changed" a need triggers one restart, once what is on disk is
// quiet; what was on disk when a restart was requested never triggers another.
package restart

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"purser/conf"
	"purser/restart/disk"

	"github.com/hashicorp/go-hclog"
)

// A Watcher looks at the restart files of some apps and calls trigger for each change.
type Watcher struct {
	live    func(app string) string
	trigger func(app, reason string)
	log     hclog.Logger
	open    func(disk.Disk, chan<- told) (*inotify, error) // begins to use inotify
	poll    time.Duration                                  // how late a change is seen where inotify is blind

	// Made reports whether an app made its restart file itself, which is no order. It is called by Run
	// alone, when there is a file that was not there; nil = no app does.
	Made func(app, release, file string) bool

	// Saw is told what was seen of an app's file whenever that is another than before, and whether that asks for a
	// restart, before trigger is called; nil = nobody wants to know.
	Saw func(app string, seen []byte, asks bool)

	// Disk is the way to what the user of an app owns. It is set before the first app is added; nil = disk.Own for all.
	Disk func(app conf.App) disk.Disk

	changed chan struct{} // apps came or went

	mu    sync.Mutex // guards what follows
	files []*file    // the list is replaced and never changed
	gone  []*file    // that inotify may still watch
	blind bool       // inotify refused something, and the log says so
}

// New looks at every restart file once: what changes after it returned is seen, if only when Run
// begins. An app whose Restart.File is "" is not watched.
//
// Live gives the real path of the release that the app is wanted to run, "" if there is none yet.
// Trigger is told the app and why, such as "tmp/restart.txt touched"; each change is one call, and
// joining several into one restart is the callee's matter. Run calls both, for apps of different users also at the same
// time, and they must not block it; New and Add call live, too.
func New(apps []conf.App, live func(app string) string, trigger func(app, reason string), log hclog.Logger) *Watcher {
	w := &Watcher{
		live:    live,
		trigger: trigger,
		log:     log.Named("restart"),
		open:    newInotify,
		poll:    time.Second,
		changed: make(chan struct{}, 1),
	}
	for _, app := range apps {
		w.Add(app, nil)
	}
	return w
}

// Add watches one more app, as New does, or goes on from what was seen by a Watcher before this one. It may be called
// while Run runs.
func (w *Watcher) Add(app conf.App, seen []byte) {
	if f := w.begin(app, seen); f != nil {
		w.change(func() { w.files = append(slices.Clip(w.files), f) })
	}
}

// begin looks at an app's file for the first time, unless it was seen before; nil = it has none.
func (w *Watcher) begin(app conf.App, seen []byte) *file {
	if app.Restart.File == "" {
		return nil
	}
	f := &file{app: app.Name, disk: diskOf(w.Disk, app), root: app.Root, name: filepath.Clean(app.Restart.File)}
	if len(seen) == 0 || !f.resume(seen) {
		f.look(w.live(app.Name))
		w.saw(f, false)
	}
	return f
}

func (w *Watcher) saw(f *file, asks bool) {
	if w.Saw != nil {
		w.Saw(f.app, f.seen(), asks)
	}
}

// Change has another file of an app be watched, or that of another root, in place of the one before.
func (w *Watcher) Change(app conf.App) {
	f := w.begin(app, nil)
	w.change(func() {
		w.remove(app.Name)
		if f != nil {
			w.files = append(slices.Clip(w.files), f)
		}
	})
}

// Remove ends the watch of an app. A trigger that is under way may still come.
func (w *Watcher) Remove(app string) { w.change(func() { w.remove(app) }) }

// remove is called with mu held.
func (w *Watcher) remove(app string) {
	for _, f := range w.files {
		if f.app == app {
			w.gone = append(w.gone, f)
		}
	}
	w.files = slices.DeleteFunc(slices.Clone(w.files), func(f *file) bool { return f.app == app })
}

func (w *Watcher) change(how func()) {
	w.mu.Lock()
	how()
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// Run watches until ctx ends, and returns nil then. It sees a change at once by inotify, and within
// a second where inotify is blind (NFS) or not to be had (fs.inotify limits). What one user owns is watched beside what
// another does: who can hold up what looks after his files holds up nobody else.
func (w *Watcher) Run(ctx context.Context) error {
	lanes := map[disk.Disk]*lane{}
	var running sync.WaitGroup
	defer running.Wait()
	for {
		w.lead(ctx, lanes, &running)
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
		}
	}
}

// lead has a lane for each user who has files, and for nobody else.
func (w *Watcher) lead(ctx context.Context, lanes map[disk.Disk]*lane, running *sync.WaitGroup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.files {
		if lanes[f.disk] == nil {
			l := newLane(ctx, w, f.disk)
			lanes[f.disk] = l
			running.Go(l.run)
		}
	}
	for of, l := range lanes {
		if slices.ContainsFunc(w.files, func(f *file) bool { return f.disk == of }) {
			l.wake()
			continue
		}
		l.end()
		delete(lanes, of)
	}
	w.gone = slices.DeleteFunc(w.gone, func(f *file) bool { return lanes[f.disk] == nil }) // their watches end with the lane
}

// warn says once that changes may be seen late.
func (w *Watcher) warn(err error) {
	w.mu.Lock()
	before := w.blind
	w.blind = true
	w.mu.Unlock()
	if !before {
		w.log.Warn("inotify does not see every change, some are seen by polling", "every", w.poll, "error", err)
	}
}
