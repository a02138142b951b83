package restart

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// What inotify is asked to tell. Of a folder on the way, that it goes; of one whose entry decides where
// the way leads, also what comes there; of a restart file, that it is touched. Writes to other files of
// a folder are never told.
const (
	goes    = unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
	comes   = goes | unix.IN_CREATE | unix.IN_MOVED_TO
	touched = goes | unix.IN_ATTRIB | unix.IN_MODIFY
)

// Folders are what inotify watches.
type folders struct {
	inotify *inotify
	byPath  map[string]*watched
	byWatch map[int]*watched
}

// A watched is one folder or file that inotify watches. The same one may be reached by several paths.
type watched struct {
	watch      int
	dev, inode uint64 // what inotify watches is this, wherever it is moved
	mask       uint32
	blind      bool // on a file system of which inotify may not tell everything
	paths      []string
	users      map[*file][]string // the entries that decide where the file's path leads
}

// A place is a folder or a file on the way to a restart file, by its real path.
type place struct {
	path       string
	dev, inode uint64
	mask       uint32
	entries    []string
}

func newFolders(i *inotify) *folders {
	return &folders{inotify: i, byPath: map[string]*watched{}, byWatch: map[int]*watched{}}
}

// concerns are the files whose paths an event may have changed; lost means all of them.
func (f *folders) concerns(e event) (files []*file, lost bool) {
	if e.mask&unix.IN_Q_OVERFLOW != 0 {
		return nil, true
	}
	w := f.byWatch[e.watch]
	if w == nil {
		return nil, false // it was forgotten
	}
	for user, entries := range w.users {
		if e.name == "" || slices.Contains(entries, e.name) {
			files = append(files, user)
		}
	}
	if e.mask&(goes|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0 {
		f.forget(w) // another may be at its path by now, even with the same inode
	}
	return files, false
}

// follow moves the watches to where the file's path leads now, and notes whether inotify sees every
// change of it. The error is of what inotify refused.
func (f *folders) follow(file *file) (refused error) {
	file.sure = false
	// What changes before its folder is watched is no event: so until nothing new was found, or a
	// few times, as the poll sees what goes on changing.
	for range 4 {
		way := decisive(file)
		fresh, all, err := f.move(file, way.sorted())
		file.sure, refused = all && way.hidden == nil, errors.Join(way.hidden, err)
		if !fresh {
			break
		}
	}
	return refused
}

// move reports whether something is watched that was not, and whether everything is that has to be.
func (f *folders) move(file *file, steps []place) (fresh, all bool, refused error) {
	left := f.usedBy(file)
	for _, w := range left {
		delete(w.users, file)
	}
	all = true
	for _, s := range steps {
		w, isNew, err := f.watch(s)
		fresh = fresh || isNew
		if err != nil || w.blind {
			all = false
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // gone since: its parent tells when it is back
				refused = err
			}
			continue
		}
		w.users[file] = append(w.users[file], s.entries...)
		file.watched = append(file.watched, w)
	}
	for _, w := range left {
		if len(w.users) == 0 {
			f.forget(w)
		}
	}
	return fresh, all, refused
}

func (f *folders) usedBy(file *file) (used []*watched) {
	for _, w := range file.watched {
		if f.byWatch[w.watch] == w {
			used = append(used, w)
		}
	}
	file.watched = nil
	return used
}

// watch watches a place, which may be watched already.
func (f *folders) watch(s place) (w *watched, fresh bool, err error) {
	w = f.byPath[s.path]
	if w != nil && (w.dev != s.dev || w.inode != s.inode) {
		f.forget(w)
		w = nil
	}
	if w != nil && w.mask|s.mask == w.mask {
		return w, false, nil
	}
	mask := s.mask
	if w != nil {
		mask |= w.mask
	}
	watch, blind, err := f.inotify.add(s.path, mask|unix.IN_MASK_ADD)
	if err != nil {
		return nil, false, err
	}
	if known := f.byWatch[watch]; known != nil {
		w = known
		w.mask |= mask
	} else {
		w = &watched{watch: watch, dev: s.dev, inode: s.inode, mask: mask, blind: blind, users: map[*file][]string{}}
		f.byWatch[watch] = w
	}
	if !slices.Contains(w.paths, s.path) {
		w.paths = append(w.paths, s.path)
	}
	f.byPath[s.path] = w
	return w, true, nil
}

func (f *folders) forget(w *watched) {
	f.inotify.remove(w.watch)
	delete(f.byWatch, w.watch)
	for _, path := range w.paths {
		if f.byPath[path] == w {
			delete(f.byPath, path)
		}
	}
}

// ways are the places on some ways.
type ways struct {
	places map[string]place // by their paths
	hidden error            // why some are not among them
}

// decisive is every folder in which a change can make a file's path lead elsewhere, and the file.
func decisive(file *file) *ways {
	w := &ways{places: map[string]place{}}
	for _, root := range slices.Compact([]string{file.root, file.live}) {
		if root == "" {
			continue
		}
		at := "/"
		if !filepath.IsAbs(file.name) {
			end := w.walk(file.disk, "/", root)
			if end.Folder == "" {
				continue
			}
			end.Entry, _, _ = strings.Cut(file.name, "/")
			w.note(end, comes)
			at = end.Folder
		}
		if end := w.walk(file.disk, at, file.name); end.Folder != "" {
			w.note(end, touched)
		}
	}
	return w
}

func (w *ways) sorted() []place {
	return slices.SortedFunc(maps.Values(w.places), func(a, b place) int { return cmp.Compare(a.path, b.path) })
}

func (w *ways) walk(d disk.Disk, at, path string) (end disk.Step) {
	way := d.Walk(at, path)
	if way.Err != nil {
		w.hidden = way.Err
	}
	for _, step := range way.Steps {
		if step.Entry == "" {
			w.note(step, goes)
		} else {
			w.note(step, comes)
		}
	}
	return way.End
}

func (w *ways) note(step disk.Step, mask uint32) {
	s, known := w.places[step.Folder]
	if !known {
		s = place{path: step.Folder, dev: step.Info.Dev, inode: step.Info.Inode}
	}
	if s.inode == 0 {
		return // gone since: its parent tells
	}
	s.mask |= mask
	if step.Entry != "" && !slices.Contains(s.entries, step.Entry) {
		s.entries = append(s.entries, step.Entry)
	}
	w.places[step.Folder] = s
}
