package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// at is a path of the system below the root.
func (o Options) at(path string) string { return filepath.Join("/", o.Root, path) }

// found is what is at a path. What is no regular file (a link to /dev/null masks a unit) has no text of ours.
func (o Options) found(path string) (text string, exists bool, err error) {
	stat, err := os.Lstat(o.at(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil || !stat.Mode().IsRegular() {
		return "", err == nil, err
	}
	content, err := os.ReadFile(o.at(path))
	return string(content), true, err
}

// write replaces a file in one step: nobody reads half of it.
func (o Options) write(path, text string, mode fs.FileMode, group int) error {
	if err := os.MkdirAll(filepath.Dir(o.at(path)), 0o755); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(o.at(path)), ".purser-*")
	if err != nil {
		return err
	}
	_, err = next.WriteString(text)
	err = errors.Join(err, next.Chown(0, group), next.Chmod(mode), next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), o.at(path))
	}
	if err != nil {
		os.Remove(next.Name())
		return fmt.Errorf("cannot write %s: %w", o.at(path), err)
	}
	return nil
}

// make makes a folder that is missing.
func (o Options) make(f folder) error {
	if err := os.MkdirAll(filepath.Dir(o.at(f.path)), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(o.at(f.path), f.mode); err != nil {
		return err
	}
	return errors.Join(os.Chown(o.at(f.path), f.owner.uid, f.owner.gid), os.Chmod(o.at(f.path), f.mode))
}

func (o Options) exists(path string) bool {
	_, err := os.Lstat(o.at(path))
	return err == nil
}
