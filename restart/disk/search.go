package disk

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Glob is what is left of a glob of restart.watch to be matched: its steps.
type Glob []string

const (
	MostEntries = 20_000 // of folders, in one search
	MostDepth   = 64     // folders, each of which is open while one below is searched
)

// Found is what a search has found.
type Found struct {
	Files   []Entry
	Cut     bool // there is more
	Partial bool // something could not be looked at
}

// Search goes once through the folders below one, by its real path, that globs lead into: at most MostEntries entries
// of folders, and MostDepth folders deep. "**" is any number of folders.
func (own) Search(folder string, globs []Glob) Found {
	globs = slices.DeleteFunc(slices.Clone(globs), func(g Glob) bool { return len(g) == 0 || g[len(g)-1] == "**" }) // which name nothing
	s := search{path: folder, left: MostEntries}
	fd, err := unix.Open(folder, folderOnly, 0)
	s.enter(fd, err, "", globs, 0)
	return s.Found
}

// A search goes once through the folders of a release that globs lead into.
type search struct {
	Found
	path string // real path of the release
	left int    // entries that may still be looked at
}

// folderOnly opens a folder, and neither waits for anything nor follows a symlink to one: so a search
// stays in the release.
const folderOnly = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// enter looks into the folder at a path relative to the release, which was opened as fd.
func (s *search) enter(fd int, err error, at string, globs []Glob, depth int) {
	if err != nil {
		s.failed(err)
		return
	}
	folder := os.NewFile(uintptr(fd), filepath.Join(s.path, at))
	defer folder.Close()
	entries, err := folder.ReadDir(s.left + 1) // no more than it takes to know that it is too much
	if err != nil && err != io.EOF {
		s.failed(err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		if s.left == 0 {
			s.Cut = true
			return
		}
		s.left--
		name := entry.Name()
		matches, below := step(globs, name, at == "")
		switch {
		case entry.IsDir() && len(below) == 0:
		case entry.IsDir() && depth == MostDepth:
			s.Cut = true
		case entry.IsDir():
			fd, err := unix.Openat(int(folder.Fd()), name, folderOnly, 0)
			s.enter(fd, err, path.Join(at, name), below, depth+1)
		case matches:
			s.see(folder, path.Join(at, name), name)
		}
	}
}

func (s *search) failed(err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		s.Partial = true
	}
}

func (s *search) see(folder *os.File, at, name string) {
	var stat unix.Stat_t
	if err := unix.Fstatat(int(folder.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		s.failed(err)
		return
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.Files = append(s.Files, Entry{Name: at, Info: infoFrom(&stat)})
	case unix.S_IFLNK:
		seen, ok := s.target(at)
		if !ok {
			seen = Entry{Name: at, Info: infoFrom(&stat)}
		}
		s.Files = append(s.Files, seen)
	}
}

// target is what a symlink leads to within the release, if that is a file.
func (s *search) target(at string) (Entry, bool) {
	root, err := openFolder(s.path)
	if err != nil {
		return Entry{}, false
	}
	defer root.Close()
	stat, err := root.Stat(at)
	if err != nil || !stat.Mode().IsRegular() {
		return Entry{}, false
	}
	return Entry{Name: at, Info: infoOf(stat)}, true
}

// step goes one step down: whether the globs match an entry of that name, and what is left of them
// to be matched below it.
func step(globs []Glob, name string, top bool) (matches bool, below []Glob) {
	leave := func(g Glob) {
		if !slices.ContainsFunc(below, func(known Glob) bool { return slices.Equal(known, g) }) {
			below = append(below, g)
		}
	}
	for _, g := range globs {
		if g[0] == "**" {
			if descends(name, top) {
				leave(g)
			}
			g = g[1:] // it may stand for no folder, too
		}
		switch {
		case !matchesStep(g[0], name):
		case len(g) == 1:
			matches = true
		default:
			leave(g[1:])
		}
	}
	return matches, below
}

// descends reports whether "**" enters a folder.
func descends(name string, top bool) bool {
	switch name {
	case "node_modules", "__pycache__":
		return false
	case "tmp", "log":
		return !top
	}
	return !strings.HasPrefix(name, ".")
}

func matchesStep(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil // conf has refused bad patterns
}
