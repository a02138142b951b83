package files

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// mostNames is how many names of a folder are remembered. In a larger one every request is looked up.
const mostNames = 4096

// A folder is the public folder of one release. Symbolic links are followed as long as they stay below
// it. One that lies directly in it may also lead elsewhere, as Capistrano's public/assets and
// public/system do, and so may the folder itself; what is below is then confined to there. If purser
// runs as root, such a link must belong to root or to the owner of what it leads to: nobody may have
// files served that he could not read.
type folder struct {
	release string
	path    string // release and the folder's name
	root    *os.Root
	mark    mark
	settled bool               // mark was old enough when names was made to change with any further name
	names   map[string]*detour // what lies directly below; nil for anything but a link that leads out
	crowded bool               // there is more than names has
}

// A mark tells whether a folder is still the same, with the same names in it.
type mark struct {
	dev, inode uint64
	changed    syscall.Timespec
}

func markOf(info os.FileInfo) mark {
	st := info.Sys().(*syscall.Stat_t)
	return mark{uint64(st.Dev), st.Ino, st.Mtim}
}

func ownerOf(info os.FileInfo) int64 { return int64(info.Sys().(*syscall.Stat_t).Uid) }

// openFolder opens the folder name of a release, or returns nil if it has none.
func openFolder(release, name string, log hclog.Logger) *folder {
	within, err := os.OpenRoot(release)
	if err != nil {
		return nil
	}
	defer func() { _ = within.Close() }()
	f := &folder{release: release, path: filepath.Join(release, name), names: make(map[string]*detour)}
	switch info, err := within.Lstat(name); {
	case err != nil:
		return nil
	case info.Mode()&os.ModeSymlink == 0:
		if f.root, err = within.OpenRoot(name); err != nil {
			return nil
		}
	default:
		l, err := follow(f.path, info)
		if err != nil {
			log.Warn("the folder of static files is not served", "folder", f.path, "error", err)
			return nil
		}
		if f.root = l.root; l.base != "" {
			f.close()
			return nil
		}
	}
	if err := f.read(log); err != nil {
		f.close()
		return nil
	}
	return f
}

// read notes what lies directly in the folder.
func (f *folder) read(log hclog.Logger) error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	f.mark = markOf(info) // before the names: what comes meanwhile is seen next time
	f.settled = time.Since(info.ModTime()) > lookAgain
	entries, _ := dir.ReadDir(mostNames + 1)
	f.crowded = len(entries) > mostNames
	for _, e := range entries {
		f.names[e.Name()] = nil
		if e.Type()&os.ModeSymlink == 0 {
			continue
		}
		if _, err := f.root.Stat(e.Name()); err == nil {
			continue // it stays below
		}
		info, err := f.root.Lstat(e.Name())
		if err != nil {
			continue
		}
		switch l, err := follow(filepath.Join(f.path, e.Name()), info); {
		case errors.Is(err, errForeign):
			log.Warn("a link among the static files is not followed; give it to the owner of what it leads to (chown -h)", "link", filepath.Join(f.path, e.Name()), "error", err)
		case err == nil:
			f.names[e.Name()] = l
		}
	}
	return nil
}

// unchanged reports whether the folder and those that its links lead to are still what was opened.
func (f *folder) unchanged() bool {
	if info, err := os.Stat(f.path); err != nil || markOf(info) != f.mark || !f.settled {
		return false
	}
	for _, l := range f.names {
		if l == nil {
			continue
		}
		dir := l.path
		if l.base != "" {
			target, err := filepath.EvalSymlinks(l.path)
			if err != nil || filepath.Base(target) != l.base {
				return false
			}
			dir = filepath.Dir(target)
		}
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		if now := markOf(info); now.dev != l.mark.dev || now.inode != l.mark.inode {
			return false
		}
	}
	return true
}

func (f *folder) close() {
	_ = f.root.Close()
	for _, l := range f.names {
		if l != nil {
			_ = l.root.Close()
		}
	}
}

// open opens a regular file, or returns nil if there is none of that name. Errors are those that say
// nothing about the file.
func (f *folder) open(name []byte) (*File, error) {
	first, rest, deeper := bytes.Cut(name, []byte("/"))
	l, known := f.names[string(first)]
	switch {
	case !known && !f.crowded:
		return nil, nil
	case l == nil:
		return openFile(f.root, string(name), -1)
	case l.base == "" && deeper:
		return openFile(l.root, string(rest), -1)
	case l.base != "" && !deeper:
		return openFile(l.root, l.base, l.owner)
	}
	return nil, nil
}
