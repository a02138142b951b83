package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"purser/conf/access"
)

// OpenLog opens a log as the owner of the folder would be allowed to: a regular file, reached without links. It is
// theirs if it is new.
func (own) OpenLog(folder, rest string) (f *os.File, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	stat, err := root.Stat(".")
	if err != nil {
		return nil, err
	}
	owner := stat.Sys().(*syscall.Stat_t)
	var opening error
	if err := (access.User{UID: owner.Uid, GID: owner.Gid}).As(func() { f, opening = openPlain(root, rest) }); err != nil {
		return nil, err
	}
	return f, opening
}

// openPlain opens a regular file below root.
func openPlain(root *os.Root, path string) (*os.File, error) {
	// Who puts a link there after this look gains nothing: they may write where it leads to, or it is not
	// opened.
	for part := path; part != "."; part = filepath.Dir(part) {
		if stat, err := root.Lstat(part); err == nil && stat.Mode()&os.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s is a link", part)
		}
	}
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err == nil && (!stat.Mode().IsRegular() || stat.Sys().(*syscall.Stat_t).Nlink != 1) {
		err = errors.New("it is no regular file of one name")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
