package restart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// Folders are where inotify watches, by their real paths.
type folders struct {
	inotify *fsnotify.Watcher // nil = not to be had
	watched map[string]folder
}

// A folder has entries that decide where a restart file's path leads. Events about others are not
// looked at: an app may be busy in its tmp.
type folder struct {
	dev, inode uint64 // what inotify watches is this, wherever it is moved
	entries    map[string]bool
}

func (f *folders) events() <-chan fsnotify.Event {
	if f.inotify == nil {
		return nil
	}
	return f.inotify.Events
}

func (f *folders) errors() <-chan error {
	if f.inotify == nil {
		return nil
	}
	return f.inotify.Errors
}

// concerns reports whether an event may be about a restart file.
func (f *folders) concerns(event fsnotify.Event) bool {
	path := filepath.Clean(event.Name)
	if _, ok := f.watched[path]; ok {
		if event.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
			f.forget(path) // another may be at its path by now, even with the same inode
		}
		return true
	}
	return f.watched[filepath.Dir(path)].entries[filepath.Base(path)]
}

// follow moves the watches to where the files' paths lead now. Its error is of the folders that
// inotify refused.
func (f *folders) follow(files []*file) error {
	if f.inotify == nil {
		return nil
	}
	// What changes before its folder is watched is no event: so until nothing new was found, or a
	// few times, as the poll sees what goes on changing.
	var refused error
	for range 4 {
		want := decisive(files)
		for path, now := range f.watched {
			if there := want[path]; there.dev != now.dev || there.inode != now.inode {
				f.forget(path)
			}
		}
		fresh, err := f.add(want)
		refused = errors.Join(refused, err)
		if !fresh {
			break
		}
	}
	return refused
}

// add reports whether a folder is watched that was not.
func (f *folders) add(want map[string]folder) (fresh bool, refused error) {
	for path, folder := range want {
		if _, ok := f.watched[path]; !ok {
			err := f.inotify.Add(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // gone since: its parent tells when it is back
			}
			if err != nil {
				refused = fmt.Errorf("cannot watch %s: %w", path, err)
				continue
			}
			fresh = true
		}
		f.watched[path] = folder
	}
	return fresh, refused
}

func (f *folders) forget(path string) {
	delete(f.watched, path)
	_ = f.inotify.Remove(path) // the kernel has done so already if the folder is gone
}

// decisive is every folder in which a change can make a file's path lead elsewhere.
func decisive(files []*file) map[string]folder {
	found := map[string]folder{}
	note := func(path, entry string) {
		if _, ok := found[path]; !ok {
			stat, err := os.Stat(path)
			if err != nil {
				return // gone since: its parent tells
			}
			dev, inode := identityOf(stat)
			found[path] = folder{dev, inode, map[string]bool{}}
		}
		found[path].entries[entry] = true
	}
	for _, f := range files {
		for _, root := range slices.Compact([]string{f.root, f.live}) {
			if root == "" {
				continue
			}
			if resolved, ok := walk("/", root, note); ok {
				first, _, _ := strings.Cut(f.name, "/")
				note(resolved, first)
				walk(resolved, f.name, note)
			}
		}
	}
	return found
}

// walk goes along a path from a real folder, as the kernel does, and notes each entry that is a
// symlink, or missing, or the path's end. It returns the real path of the end, if that is there.
func walk(at, path string, note func(path, entry string)) (end string, ok bool) {
	steps := split(path)
	for links := 0; len(steps) > 0; {
		step := steps[0]
		steps = steps[1:]
		if step == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, step)
		stat, err := os.Lstat(next)
		switch {
		case err != nil:
			note(at, step)
			return "", false
		case stat.Mode().Type() == fs.ModeSymlink:
			note(at, step)
			target, err := os.Readlink(next)
			if links++; err != nil || links > maxLinks {
				return "", false
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			steps = append(split(target), steps...)
		default:
			if len(steps) == 0 {
				note(at, step)
			}
			at = next
		}
	}
	return at, true
}

// maxLinks is how many symlinks the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
