package restart

import (
	"purser/restart/disk"
)

// Watches are what inotify watches for the files of all users: for each by an instance of his own, so that nobody is
// told of, or limited by, what belongs to another.
type watches struct {
	open func(disk.Disk, chan<- told) (*inotify, error)
	told chan told
	of   map[disk.Disk]*folders
}

func newWatches(open func(disk.Disk, chan<- told) (*inotify, error)) *watches {
	return &watches{open: open, told: make(chan told), of: map[disk.Disk]*folders{}}
}

// follow moves the watches of a file, as folders.follow does. Where there is no inotify, one is tried to be had.
func (w *watches) follow(f *file) error {
	watched := w.of[f.disk]
	if watched == nil {
		i, err := w.open(f.disk, w.told)
		if err != nil {
			f.sure = false
			return err
		}
		watched = newFolders(i)
		w.of[f.disk] = watched
	}
	return watched.follow(f)
}

// leave ends the watches of a file, and their inotify with the last.
func (w *watches) leave(f *file) {
	watched := w.of[f.disk]
	if watched == nil {
		return
	}
	watched.move(f, nil) // to nowhere, which nothing refuses
	if len(watched.byWatch) == 0 {
		w.end(watched)
	}
}

func (w *watches) end(watched *folders) {
	delete(w.of, watched.inotify.disk)
	watched.inotify.close()
}

func (w *watches) close() {
	for _, watched := range w.of {
		watched.inotify.close()
	}
}
