package serve

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// keepState gives the front the folder in which purser keeps what it is to know later, with what is there by now. A
// hard link there may be to a file of anybody's, so what has several names stays as it is.
func (r *reader) keepState() error {
	folders := []string{filepath.Dir(stateFile(r.Name))}
	if storage := r.Conf.Server.ACME.Storage; r.Conf.Server.ACME.On && storage != "" {
		folders = append(folders, storage)
	}
	for _, dir := range folders {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = r.giveAll(dir)
		}
		if err != nil {
			return refusal(fmt.Errorf("cannot give the folder %s to %s, who serves: %w", dir, r.front.User, err))
		}
	}
	return nil
}

func (r *reader) giveAll(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return r.give(root, ".")
}

func (r *reader) give(root *os.Root, name string) error {
	stat, err := root.Lstat(name)
	if err != nil {
		return err
	}
	of := stat.Sys().(*syscall.Stat_t)
	switch {
	case stat.Mode().IsRegular() && of.Nlink == 1, stat.IsDir():
	default:
		return nil
	}
	if of.Uid != r.front.UID {
		if err := root.Lchown(name, int(r.front.UID), int(r.front.GID)); err != nil {
			return err
		}
	}
	if !stat.IsDir() {
		return nil
	}
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	for _, below := range names {
		if gone := r.give(root, filepath.Join(name, below)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
