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
	Ruby   = "puma.rb"   // puma -C FILE: the only configuration file that Puma reads
	Python = "python.py" // python FILE STARTUP SOCKET THREADS
)

//go:embed guard node.cjs puma.rb python.py purser_request.py purser_server.py
var files embed.FS

// Write makes dir (0700) and puts the loaders into it (0600) that are not in it, or not whole.
func Write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for the loaders: %w", err)
	}
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case entry.IsDir():
			err = os.MkdirAll(filepath.Join(dir, name), 0o700)
		default:
			err = write(dir, name)
		}
		if err != nil {
			return fmt.Errorf("cannot write a loader: %w", err)
		}
		return nil
	})
}

func write(dir, name string) error {
	content, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	if stat, err := os.Stat(path); err == nil && stat.Size() == int64(len(content)) {
		return nil
	}
	// In one step: a child that starts may read it, and a full disk must leave no half of it.
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}
