package restart

import (
	"context"
	"slices"
	"time"

	"purser/restart/disk"
)

// A lane watches the restart files of one user, on a goroutine of its own: each look at them may have to wait for the
// process that does it as that user.
type lane struct {
	*Watcher
	ctx     context.Context
	end     context.CancelFunc
	disk    disk.Disk
	watched *watches
	woken   chan struct{} // apps came or went
	turn    int           // polls so far, which say of the files that inotify sees whose turn it is to be looked at nevertheless
}

// sweep is the number of polls in which each file is looked at that inotify sees: for what nobody
// thought of. It is tenfold where a look takes a process of another user, which would never be done otherwise.
const sweep = 60

func (l *lane) sweep() int {
	if l.disk == disk.Own {
		return sweep
	}
	return 10 * sweep
}

func newLane(ctx context.Context, w *Watcher, d disk.Disk) *lane {
	l := &lane{Watcher: w, disk: d, watched: newWatches(w.open), woken: make(chan struct{}, 1)}
	l.ctx, l.end = context.WithCancel(ctx)
	return l
}

func (l *lane) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

func (l *lane) run() {
	defer l.end()
	defer l.watched.close()
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	for due := l.list(); l.ctx.Err() == nil; due = l.wait(tick.C) {
		for _, f := range due {
			if l.ctx.Err() == nil {
				l.look(f)
			}
		}
	}
}

// list are the files of the user.
func (l *lane) list() (files []*file) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		if f.disk == l.disk {
			files = append(files, f)
		}
	}
	return files
}

// leave has inotify no longer watch what was only watched for apps that are gone.
func (l *lane) leave() {
	l.mu.Lock()
	var gone []*file
	l.gone = slices.DeleteFunc(l.gone, func(f *file) bool {
		if f.disk == l.disk {
			gone = append(gone, f)
		}
		return f.disk == l.disk
	})
	l.mu.Unlock()
	for _, f := range gone {
		l.watched.leave(f)
	}
}

// wait returns the files that have to be looked at, when there are some, or ctx ended.
func (l *lane) wait(tick <-chan time.Time) []*file {
	for {
		select {
		case <-l.ctx.Done():
			return nil
		case <-l.woken:
			l.leave()
			return slices.DeleteFunc(l.list(), func(f *file) bool { return f.sure })
		case <-tick:
			if due := l.due(); len(due) > 0 {
				return due
			}
		case t := <-l.watched.told:
			if due := l.concerned(t); len(due) > 0 {
				return due
			}
		}
	}
}

// due are the files of which inotify does not tell everything, those whose release is another now, and
// a few of the others.
func (l *lane) due() (due []*file) {
	l.turn++
	for i, f := range l.list() {
		if inTurn := (l.turn+i)%l.sweep() == 0; !f.sure || inTurn || l.live(f.app) != f.live {
			due = append(due, f)
		}
	}
	return due
}

func (l *lane) concerned(t told) (due []*file) {
	from := l.watched.of[t.by.disk]
	if from == nil || from.inotify != t.by {
		return nil // it was ended
	}
	if t.ended != nil {
		l.watched.end(from)
		l.warn(t.ended)
		return l.list()
	}
	for _, e := range t.events {
		files, lost := from.concerns(e)
		if lost {
			due = l.list() // of what was lost nobody knows whom it concerned; the others have to be taken note of
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
func (l *lane) look(f *file) {
	f.live = l.live(f.app)
	if err := l.watched.follow(f); err != nil {
		l.warn(err)
	}
	l.ask(f)
}

func (l *lane) ask(f *file) {
	before := [2]stamp{f.configured, f.released}
	reason := f.look(l.live(f.app))
	switch {
	case reason == "":
		if before != [2]stamp{f.configured, f.released} {
			l.saw(f, false)
		}
	case f.made != "" && l.Made != nil && l.Made(f.app, f.made, f.name):
		l.log.Info("a process of the app made the restart file while it started, so nothing is restarted; touch it again to restart",
			"app", f.app, "file", f.name)
		l.saw(f, false)
	default:
		l.saw(f, true)
		l.trigger(f.app, reason)
	}
}
