package disk

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

func (own) Inotify() (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot use inotify: %w", err)
	}
	return os.NewFile(uintptr(fd), "inotify"), nil
}

func (own) Watch(inotify *os.File, path string, mask uint32) (watch int, blind bool, err error) {
	err = WithNumber(inotify, func(fd int) error {
		watch, err = unix.InotifyAddWatch(fd, path, mask)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("cannot watch %s: %w", path, err)
	}
	return watch, isBlind(path), nil
}

// WithNumber calls do with the number of an open file. File.Fd would take its deadlines from it.
func WithNumber(file *os.File, do func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := raw.Control(func(fd uintptr) { done = do(int(fd)) }); err != nil {
		return err
	}
	return done
}

// Twin is another descriptor of an open file, which outlives it.
func Twin(file *os.File) (twin int, err error) {
	err = WithNumber(file, func(fd int) error {
		twin, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	return twin, err
}

// local are the file systems of which inotify tells every change, as nobody changes them from elsewhere.
var local = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC,
	unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.REISERFS_SUPER_MAGIC,
	0x2fc12fc1 /* ZFS */, 0xca451a4e, /* bcachefs */
}

// isBlind reports whether changes may happen at a path that inotify does not tell, as on NFS.
func isBlind(path string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(path, &stat) != nil || !slices.Contains(local, int64(stat.Type)&0xffffffff)
}
