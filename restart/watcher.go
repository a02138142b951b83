// Package restart notices that new code is wanted: by each app's restart file, by marks that scripts
// drop, and by what is on disk being another than what its processes were started from. It says
// which release the app's root leads to. How a restart is done is not its matter.
//
// The restart file is looked at through the configured root, so that a symlink's flip is seen, and
// through the release that is live, so that touching it there works too. It asks for a restart when
// it is there and its modification time or inode is another than before: also if the time is an
// older one, and also if the file was not there. A file that goes asks for nothing. Nothing here ever
// creates it.
//
// That code has changed is a statement about live processes and never a flag that somebody has to
// clear: it is so as long as a process's Print is not that of its app's root. A Mark stays until a
// restart that was requested after it is done. For an app whose Restart.Auto is "changed" a need triggers one restart, once what is on
// disk is quiet; what was on disk when a restart was requested never triggers another. So what an app
// writes itself when it starts must not be watched.
package restart

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"purser/conf"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"
)

// A Watcher looks at the restart files of some apps and calls trigger for each change.
type Watcher struct {
	live    func(app string) string
	trigger func(app, reason string)
	log     hclog.Logger
	open    func() (*fsnotify.Watcher, error) // begins to use inotify
	poll    time.Duration                     // how late a change is seen where inotify is blind
	blind   bool                              // inotify refused something, and the log says so
	added   chan struct{}                     // there is another file to watch

	mu    sync.Mutex // guards files: the list, which is replaced and never changed
	files []*file
}

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
		open:    fsnotify.NewWatcher,
		poll:    time.Second,
		added:   make(chan struct{}, 1),
	}
	for _, app := range apps {
		w.Add(app)
	}
	return w
}

// Add watches one more app, as New does. It may be called while Run runs.
func (w *Watcher) Add(app conf.App) {
	if app.Restart.File == "" {
		return
	}
	f := &file{app: app.Name, root: app.Root, name: filepath.Clean(app.Restart.File)}
	f.look(w.live(app.Name))
	w.mu.Lock()
	w.files = append(slices.Clip(w.files), f)
	w.mu.Unlock()
	select {
	case w.added <- struct{}{}:
	default:
	}
}

// Remove ends the watch of an app. A trigger that is under way may still come.
func (w *Watcher) Remove(app string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = slices.DeleteFunc(slices.Clone(w.files), func(f *file) bool { return f.app == app })
}

func (w *Watcher) watched() []*file {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// Run watches until ctx ends, and returns nil then. It sees a change at once by inotify, and within
// a second where inotify is blind (NFS) or not to be had (fs.inotify limits).
func (w *Watcher) Run(ctx context.Context) error {
	watched := &folders{watched: map[string]folder{}}
	inotify, err := w.open()
	if err != nil {
		w.warn(err)
	} else {
		defer inotify.Close()
		watched.inotify = inotify
	}
	tick := time.NewTicker(w.poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := watched.follow(w.watched()); err != nil {
			w.warn(err)
		}
		w.look()
		w.wait(ctx, watched, tick.C)
	}
	return nil
}

// wait returns when it is time to look again, or ctx ended.
func (w *Watcher) wait(ctx context.Context, watched *folders, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			return
		case <-w.added:
			return
		case event := <-watched.events():
			if watched.concerns(event) {
				return
			}
		case err := <-watched.errors():
			// After an overflow events are missing, but inotify goes on.
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.warn(err)
			}
			return
		}
	}
}

// look asks for the restarts that are wanted since the last look.
func (w *Watcher) look() {
	for _, f := range w.watched() {
		if reason := f.look(w.live(f.app)); reason != "" {
			w.trigger(f.app, reason)
		}
	}
}

// warn says once that changes may be seen late.
func (w *Watcher) warn(err error) {
	if !w.blind {
		w.log.Warn("inotify does not see every change, some are seen by polling", "every", w.poll, "error", err)
	}
	w.blind = true
}
