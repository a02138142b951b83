package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// openBelow opens a log below an app's folder as the owner of that folder would be allowed to.
func openBelow(d disk.Disk, folder, rest string) (int, error) {
	f, err := d.OpenLog(folder, rest)
	if errors.Is(err, os.ErrNotExist) {
		return -1, notOpened(filepath.Join(folder, rest), unix.ENOENT)
	}
	if err != nil {
		return -1, fmt.Errorf("cannot open the log %s: below an app's folder, root opens only what the folder's owner may write, "+
			"regular files and no links: %w", filepath.Join(folder, rest), reason(err))
	}
	defer func() { _ = f.Close() }()
	return numberOf(f)
}

// numberOf is a descriptor of an open file, which outlives it.
func numberOf(f *os.File) (fd int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var dup error
	err = conn.Control(func(from uintptr) { fd, dup = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, dup)
}

// reason is an error without the call and the path.
func reason(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}
