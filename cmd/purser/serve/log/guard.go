package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// openBelow opens a log below an app's folder as the owner of that folder would be allowed to: a regular
// file, reached without links. It is theirs if it is new.
func openBelow(folder, rest string) (int, error) {
	fd := -1
	root, err := os.OpenRoot(folder)
	if err == nil {
		defer func() { _ = root.Close() }()
		fd, err = openAsOwner(root, rest)
	}
	if errors.Is(err, os.ErrNotExist) {
		return -1, notOpened(filepath.Join(folder, rest), unix.ENOENT)
	}
	if err != nil {
		return -1, fmt.Errorf("cannot open the log %s: below an app's folder, root opens only what the folder's owner may write, "+
			"regular files and no links: %w", filepath.Join(folder, rest), reason(err))
	}
	return fd, nil
}

func openAsOwner(root *os.Root, rest string) (fd int, err error) {
	stat, err := root.Stat(".")
	if err != nil {
		return -1, err
	}
	owner := stat.Sys().(*syscall.Stat_t)
	err = asUser(int(owner.Uid), int(owner.Gid), func() error {
		fd, err = openPlain(root, rest)
		return err
	})
	return fd, err
}

// openPlain opens a regular file below root.
func openPlain(root *os.Root, path string) (int, error) {
	// Who puts a link there after this look gains nothing: they may write where it leads to, or it is not
	// opened.
	for part := path; part != "."; part = filepath.Dir(part) {
		if stat, err := root.Lstat(part); err == nil && stat.Mode()&os.ModeSymlink != 0 {
			return -1, fmt.Errorf("%s is a link", part)
		}
	}
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return -1, err
	}
	defer func() { _ = f.Close() }()
	stat, err := f.Stat()
	if err != nil {
		return -1, err
	}
	if !stat.Mode().IsRegular() || stat.Sys().(*syscall.Stat_t).Nlink != 1 {
		return -1, errors.New("it is no regular file of one name")
	}
	fd := -1
	conn, err := f.SyscallConn()
	if err == nil {
		var dup error
		err = conn.Control(func(from uintptr) { fd, dup = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
		err = errors.Join(err, dup)
	}
	return fd, err
}

// reason is an error without the call and the path.
func reason(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}

// asUser does something with a file as the kernel would let that user (setfsuid(2)), in this thread only.
func asUser(uid, gid int, do func() error) error {
	if uid == 0 {
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
