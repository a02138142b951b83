// Package loader holds the few lines of Ruby, Python and JavaScript that run inside a child, in
// front of the app: they put the app on its unix socket and end the child when purser is gone.
package loader

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Names of the files that Write writes.
const (
	Node   = "node.cjs"  // node --require FILE STARTUP; the socket is $PURSER_SOCKET
	Guard  = "guard"     // RUBYOPT=-IFOLDER; the tmp_restart of Puma that is in it does nothing
	Ruby   = "ruby.rb"   // ruby FILE STARTUP SOCKET THREADS
	Python = "python.py" // python FILE STARTUP SOCKET THREADS
)

//go:embed guard node.cjs *.py *.rb
var files embed.FS

// Write makes dir and puts the loaders into it that are not in it, or not whole. Only this user may read them, or
// everybody: nothing of them is a secret.
func Write(dir string, everybody bool) error {
	w := writer{dir, 0o700, 0o600}
	if everybody {
		w.folder, w.file = 0o755, 0o644
	}
	if err := w.mkdir("."); err != nil {
		return fmt.Errorf("cannot make a folder for the loaders: %w", err)
	}
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case entry.IsDir():
			err = w.mkdir(name)
		default:
			err = w.write(name)
		}
		if err != nil {
			return fmt.Errorf("cannot write a loader: %w", err)
		}
		return nil
	})
}

// A writer writes with these modes, whatever the umask is.
type writer struct {
	dir          string
	folder, file os.FileMode
}

func (w writer) mkdir(name string) error {
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, w.folder)
}

func (w writer) write(name string) error {
	content, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	path := filepath.Join(w.dir, name)
	if stat, err := os.Stat(path); err == nil && stat.Size() == int64(len(content)) && stat.Mode().Perm() == w.file {
		return nil
	}
	// In one step: a child that starts may read it, and a full disk must leave no half of it.
	err = os.WriteFile(path+".new", content, 0o600)
	if err == nil {
		err = os.Chmod(path+".new", w.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}
