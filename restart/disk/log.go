package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
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
	err = asUser(int(owner.Uid), int(owner.Gid), func() error {
		f, err = openPlain(root, rest)
		return err
	})
	return f, err
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

// asUser does something with a file as the kernel would let that user (setfsuid(2)), in this thread only. Who is not
// root does it as who he is.
func asUser(uid, gid int, do func() error) error {
	if uid == 0 || os.Geteuid() != 0 {
		return do()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Setfsgid(gid) // the gid first: with another uid it cannot be changed any more
	_ = unix.Setfsuid(uid)
	defer func() {
		_ = unix.Setfsuid(0)
		_ = unix.Setfsgid(0)
	}()
	if now, err := unix.SetfsuidRetUid(-1); err != nil || now != uid {
		return errors.New("cannot act as its owner")
	}
	return do()
}
