package proxy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
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

// A detour is a link that leads out of a folder.
type detour struct {
	path  string   // the link's own
	root  *os.Root // the folder that it leads to, or that holds the file it leads to
	base  string   // of that file; "" if it leads to a folder
	owner int64    // who must own the file; -1 = anybody
	mark  mark     // of root
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

var errForeign = errors.New("it leads to what belongs to somebody else")

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

// follow opens what a link leads to. The owner is asked of what was opened, not of what the link may
// lead to by then.
func follow(path string, info os.FileInfo) (*detour, error) {
	l := &detour{path: path, owner: ownerOf(info)}
	if os.Geteuid() != 0 || l.owner == 0 {
		l.owner = -1
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	dir := target
	if info, err := os.Stat(target); err != nil {
		return nil, err
	} else if !info.IsDir() {
		dir, l.base = filepath.Split(target)
	}
	if l.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	opened, err := l.root.Stat(".")
	if err == nil && l.base == "" && l.owner >= 0 && ownerOf(opened) != l.owner {
		err = errForeign
	}
	if err != nil {
		_ = l.root.Close()
		return nil, err
	}
	l.mark = markOf(opened)
	return l, nil
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
func (f *folder) open(name []byte) (*file, error) {
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

// openFile opens without waiting for whatever a file that is none might want.
func openFile(root *os.Root, name string, owner int64) (*file, error) {
	f, err := root.OpenFile(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		if closedMeanwhile(err) || outOfDescriptors(err) {
			return nil, err
		}
		return nil, nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || owner >= 0 && ownerOf(info) != owner {
		_ = f.Close()
		return nil, nil
	}
	return &file{File: f, name: name, size: info.Size(), modified: info.ModTime()}, nil
}

func closedMeanwhile(err error) bool { return errors.Is(err, os.ErrClosed) }
