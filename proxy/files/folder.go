package files

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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
	tree    *tree
	mark    mark
	settled bool               // mark was old enough when names was made to change with any further name
	names   map[string]*detour // what lies directly below; nil for anything but a link that leads out
	pages   map[string]bool    // those names that have a page, which lies directly below
	crowded bool               // there is more than names has

	dangling []string // links to what is not there
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

// openFolder opens the folder of a release, or returns nil if it has none.
func openFolder(release string, c *Config) *folder {
	path := filepath.Join(release, c.Folder)
	within, err := os.OpenRoot(release)
	if errors.Is(err, fs.ErrPermission) {
		return openClosed(release, path, c)
	}
	if err != nil {
		return nil
	}
	defer func() { _ = within.Close() }()
	who, err := readerOf(within, c)
	if err != nil {
		return nil
	}
	if !who.passes(within) {
		return openClosed(release, path, c)
	}
	f := newFolder(release, path)
	if f.tree, err = openTree(within, path, who, c); errors.Is(err, fs.ErrPermission) {
		return openClosed(release, path, c)
	} else if err != nil {
		c.Log.Warn("the folder of static files is not served", "folder", f.path, "error", err)
	}
	if f.tree == nil {
		return nil
	}
	f.tree.owner = ownerOf(release, "", c)
	if err := f.read(c); err != nil {
		f.close()
		return nil
	}
	return f
}

// openTree opens what a release has as its folder, or returns nil if that is none. An error means that it is a link that
// cannot be followed, or that it is closed to purser.
func openTree(release *os.Root, path string, who reader, c *Config) (*tree, error) {
	info, err := release.Lstat(c.Folder)
	if err != nil {
		return nil, closed(err)
	}
	if info.Mode()&os.ModeSymlink == 0 {
		root, err := release.OpenRoot(c.Folder)
		if err != nil {
			return nil, closed(err)
		}
		return &tree{root: root, reader: who}, nil
	}
	l, err := follow(path, info, who)
	if err != nil {
		return nil, err
	}
	if l.base != "" {
		l.tree.close()
		return nil, nil
	}
	return l.tree, nil
}

func newFolder(release, path string) *folder {
	return &folder{release: release, path: path, names: make(map[string]*detour), pages: make(map[string]bool)}
}

// closed returns err if it says that purser may not look.
func closed(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// read notes what lies directly in the folder.
func (f *folder) read(c *Config) error {
	log := c.Log
	dir, err := f.tree.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	if f.tree.owner == nil && !f.tree.reader.may(toSearch, info) {
		log.Warn("the folder of static files is closed to the owner of the app, so nothing in it is served", "folder", f.path)
	}
	f.mark = markOf(info) // before the names: what comes meanwhile is seen next time
	f.settled = time.Since(info.ModTime()) > lookAgain
	entries, _ := dir.ReadDir(mostNames + 1)
	f.crowded = len(entries) > mostNames
	for _, e := range entries {
		f.note(e.Name())
		if e.Type()&os.ModeSymlink == 0 {
			continue
		}
		if _, err := f.tree.root.Stat(e.Name()); err == nil {
			continue // it stays below
		}
		info, err := f.tree.root.Lstat(e.Name())
		if err != nil {
			continue
		}
		switch l, err := follow(filepath.Join(f.path, e.Name()), info, f.tree.reader); {
		case errors.Is(err, errForeign):
			log.Warn("a link among the static files is not followed; give it to the owner of what it leads to (chown -h)", "link", filepath.Join(f.path, e.Name()), "error", err)
		case err == nil:
			l.tree.owner = ownerOfLink(f.release, e.Name(), l.base == "", c)
			f.names[e.Name()] = l
		case errors.Is(err, fs.ErrPermission):
			f.names[e.Name()] = &detour{} // its user may be able to follow it
		case errors.Is(err, fs.ErrNotExist):
			f.dangling = append(f.dangling, e.Name())
		}
	}
	return nil
}

// note notes a name, and whose page that is: the opposite of PageOf.
func (f *folder) note(file string) {
	f.names[file] = nil
	if file == index {
		f.pages[""] = true
	}
	if name, ok := strings.CutSuffix(file, page); ok && name != "" {
		f.pages[name] = true
	}
}

// unchanged reports whether the folder and those that its links lead to are still what was opened, for
// the same reader.
func (f *folder) unchanged(c *Config) bool {
	if f.tree.root == nil {
		return false
	}
	if who, err := readerAt(f.release, c); err != nil || who != f.tree.reader || !who.reaches(f.release) {
		return false
	}
	if info, err := os.Stat(f.path); err != nil || markOf(info) != f.mark || !f.settled {
		return false
	}
	for _, name := range f.dangling {
		if _, err := os.Stat(filepath.Join(f.path, name)); err == nil {
			return false
		}
	}
	for _, l := range f.names {
		if l == nil || l.tree == nil {
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

// forget is called for a folder that is kept at a look.
func (f *folder) forget() {
	f.tree.forget()
	for _, l := range f.names {
		if l != nil && l.tree != nil {
			l.tree.forget()
		}
	}
}

func (f *folder) close() {
	f.tree.close()
	for _, l := range f.names {
		if l != nil && l.tree != nil {
			l.tree.close()
		}
	}
}

// has reports whether something of that name may lie directly in the folder.
func (f *folder) has(name []byte) bool {
	_, known := f.names[string(name)]
	return known || f.crowded
}

// hasPage reports whether the page of that name may lie directly in the folder.
func (f *folder) hasPage(name []byte) bool { return f.pages[string(name)] || f.crowded }

// open opens a regular file, or returns nil if there is none of that name. Errors are those that say
// nothing about the file.
func (f *folder) open(name []byte) (*find, error) {
	first, rest, deeper := bytes.Cut(name, []byte("/"))
	l, known := f.names[string(first)]
	switch {
	case !known && !f.crowded:
		return nil, nil
	case l == nil:
		return f.tree.open(string(name), -1)
	case l.tree == nil:
		return (&tree{owner: f.tree.owner}).open(string(name), -1)
	case l.base == "" && deeper:
		return l.tree.open(string(rest), -1)
	case l.base != "" && !deeper:
		return l.tree.open(l.base, l.owner)
	}
	return nil, nil
}
