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
	turn    int                                            // of the files that inotify sees: whose turn it is to be looked at nevertheless
	blind   bool                                           // inotify refused something, and the log says so

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
}

// sweep is the number of polls in which each file is looked at that inotify sees: for what nobody
// thought of.
const sweep = 60

// New looks at every restart file once: what changes after it returned is seen, if only when Run
// begins. An app whose Restart.File is "" is not watched.
//
// Live gives the real path of the release that the app is wanted to run, "" if there is none yet.
// Trigger is told the app and why, such as "tmp/restart.txt touched"; each change is one call, and
// joining several into one restart is the callee's matter. Run calls both, never two at a time, and
// they must not block it; New and Add call live, too.
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

func (w *Watcher) list() []*file {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// leave has inotify no longer watch what was only watched for apps that are gone.
func (w *Watcher) leave(watched *watches) {
	w.mu.Lock()
	gone := w.gone
	w.gone = nil
	w.mu.Unlock()
	for _, f := range gone {
		watched.leave(f)
	}
}

// Run watches until ctx ends, and returns nil then. It sees a change at once by inotify, and within
// a second where inotify is blind (NFS) or not to be had (fs.inotify limits).
func (w *Watcher) Run(ctx context.Context) error {
	watched := newWatches(w.open)
	defer watched.close()
	tick := time.NewTicker(w.poll)
	defer tick.Stop()
	select {
	case <-w.changed: // all are looked at now
	default:
	}
	for due := w.list(); ctx.Err() == nil; due = w.wait(ctx, watched, tick.C) {
		for _, f := range due {
			w.look(f, watched)
		}
	}
	return nil
}

// wait returns the files that have to be looked at, when there are some, or ctx ended.
func (w *Watcher) wait(ctx context.Context, watched *watches, tick <-chan time.Time) []*file {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
			w.leave(watched)
			return slices.DeleteFunc(slices.Clone(w.list()), func(f *file) bool { return f.sure })
		case <-tick:
			if due := w.due(); len(due) > 0 {
				return due
			}
		case t := <-watched.told:
			if due := w.concerned(watched, t); len(due) > 0 {
				return due
			}
		}
	}
}

// due are the files of which inotify does not tell everything, those whose release is another now, and
// a few of the others.
func (w *Watcher) due() (due []*file) {
	files := w.list()
	some := (len(files) + sweep - 1) / sweep
	for i, f := range files {
		inTurn := (i-w.turn%len(files)+len(files))%len(files) < some
		if !f.sure || inTurn || w.live(f.app) != f.live {
			due = append(due, f)
		}
	}
	if len(files) > 0 {
		w.turn = (w.turn + some) % len(files)
	}
	return due
}

func (w *Watcher) concerned(watched *watches, t told) (due []*file) {
	from := watched.of[t.by.disk]
	if from == nil || from.inotify != t.by {
		return nil // it was ended
	}
	if t.ended != nil {
		watched.end(from)
		w.warn(t.ended)
		return w.list()
	}
	for _, e := range t.events {
		files, lost := from.concerns(e)
		if lost {
			due = w.list() // of what was lost nobody knows whom it concerned; the others have to be taken note of
			continue
		}
		for _, f := range files {
			if !slices.Contains(due, f) {
				due = append(slices.Clip(due), f)
			}
		}
	}
	return due
}

// look asks for a restart if one is wanted since the last look.
func (w *Watcher) look(f *file, watched *watches) {
	f.live = w.live(f.app)
	if err := watched.follow(f); err != nil {
		w.warn(err)
	}
	w.ask(f)
}

func (w *Watcher) ask(f *file) {
	before := [2]stamp{f.configured, f.released}
	reason := f.look(w.live(f.app))
	switch {
	case reason == "":
		if before != [2]stamp{f.configured, f.released} {
			w.saw(f, false)
		}
	case f.made != "" && w.Made != nil && w.Made(f.app, f.made, f.name):
		w.log.Info("a process of the app made the restart file while it started, so nothing is restarted; touch it again to restart",
			"app", f.app, "file", f.name)
		w.saw(f, false)
	default:
		w.saw(f, true)
		w.trigger(f.app, reason)
	}
}

// warn says once that changes may be seen late.
func (w *Watcher) warn(err error) {
	if !w.blind {
		w.log.Warn("inotify does not see every change, some are seen by polling", "every", w.poll, "error", err)
	}
	w.blind = true
}
