package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A detour is a link that leads out of a folder.
type detour struct {
	path  string // the link's own
	tree  *tree  // of the folder that it leads to, or that holds the file it leads to; nil = purser may not follow it
	base  string // of that file; "" if it leads to a folder
	owner int64  // who must own the file; -1 = anybody
	mark  mark   // of that folder
}

var errForeign = errors.New("it leads to what belongs to somebody else")

// follow opens what a link leads to. The owner is asked of what was opened, not of what the link may
// lead to by then.
func follow(path string, info os.FileInfo, who reader) (*detour, error) {
	l := &detour{path: path, owner: uidOf(info)}
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
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && l.base == "" && l.owner >= 0 && uidOf(opened) != l.owner {
		err = errForeign
	} else if err == nil && os.Geteuid() != 0 && !who.passes(root) {
		err = fs.ErrPermission // its user may be able to follow it
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	l.tree, l.mark = &tree{root: root, reader: who}, markOf(opened)
	return l, nil
}
