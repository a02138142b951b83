package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A Store is a folder of which an app has files sent, by naming them. It may have been misled about a name, so only
// regular files below the folder are opened, and no link leads out of it. Nothing is kept from one file to the next.
type Store struct {
	Path  string // absolute
	User  *User  // that the app runs as; nil = purser's own
	Owner Owner  // opens what purser itself may not; nil = nobody does
}

// Open opens a file by its name below the folder, or returns nil if there is none that may be sent. An error means that
// none can be opened at all.
func (s *Store) Open(name string) (*File, error) {
	if !filepath.IsLocal(name) {
		return nil, nil
	}
	t, err := s.tree()
	if t == nil || err != nil {
		return nil, err
	}
	defer t.close()
	found, err := t.open(name, -1)
	if found == nil || err != nil {
		return nil, err
	}
	return newFile(found.file, found.state, saying{name: name, modified: found.state.modified.Sec}), nil
}

// tree opens the folder, or returns nil if it is not there. Where purser may not look into it, its tree has no root.
func (s *Store) tree() (*tree, error) {
	t := &tree{owner: s.owner()}
	root, err := os.OpenRoot(s.Path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return t, nil
	case err != nil:
		return nil, grave(err)
	}
	if t.reader, err = readerOf(root, &Config{User: s.User}); err == nil && t.reader.passes(root) {
		t.root = root
		return t, nil
	}
	t.reader = reader{} // who opens files in purser's place is asked by the kernel
	return t, root.Close()
}

func (s *Store) owner() func(name string) (*os.File, error) {
	if s.Owner == nil {
		return nil
	}
	return func(name string) (*os.File, error) { return s.Owner.OpenBelow(s.Path, name) }
}
