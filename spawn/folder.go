package spawn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"purser/spawn/loader"
)

// A folder is where the sockets of an app's children are, and the loaders. It is made when it is first
// wanted, and again when somebody has removed it or a part of it: what cleans /tmp, or the end of a
// login, must not keep an app from starting.
type folder struct {
	parent  string
	loaders bool // the kind of the app needs them, or its guard against reloads
	open    bool // to the children's user, who is not purser's: to enter it, and to read the loaders
	fixed   bool // it is there, with the loaders, and the keeper alone changes it

	mu   sync.Mutex     // guards what follows; held while the folder is made
	path string         // "" before it is first wanted
	old  map[string]int // those of an earlier front, and how many children that were adopted are in each
}

// fixedFolder is one that is there for all apps of a purser.
func fixedFolder(path string) *folder { return &folder{path: path, fixed: true} }

// get returns the folder's path, once it is complete.
func (f *folder) get() (path string, err error) {
	if f.fixed {
		return f.path, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	folderTurns.do(func() { err = f.complete() })
	return f.path, err
}

func (f *folder) complete() error {
	if err := f.make(); err != nil {
		return fmt.Errorf("cannot make a runtime folder: %w", err)
	}
	if !f.loaders {
		return nil
	}
	return loader.Write(filepath.Join(f.path, loaders), f.open)
}

func (f *folder) make() error {
	if f.path != "" {
		return errors.Join(os.MkdirAll(f.path, 0o700), f.letIn())
	}
	if err := os.MkdirAll(f.parent, 0o700); err != nil {
		return err
	}
	path, err := os.MkdirTemp(f.parent, "p")
	if err != nil {
		return err
	}
	f.path = path
	return f.letIn()
}

// letIn has the children's user reach what is his. Nobody but purser sees what else there is.
func (f *folder) letIn() error {
	if !f.open {
		return nil
	}
	return os.Chmod(f.path, 0o711)
}

// remove removes it, if it was ever made.
func (f *folder) remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" || f.fixed {
		return nil
	}
	return removeInTurn(f.path)
}

// adopt keeps the folder of an earlier front as long as children are in it.
func (f *folder) adopt(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed {
		return
	}
	if f.old == nil {
		f.old = map[string]int{}
	}
	f.old[path]++
}

// leave is the end of a child that was adopted in a folder.
func (f *folder) leave(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed {
		return
	}
	if f.old[path]--; f.old[path] == 0 {
		delete(f.old, path)
		_ = removeInTurn(path)
	}
}
