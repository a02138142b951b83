package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// openBelow opens a log below an app's folder as the app's user would be allowed to; or as the owner of that folder, if
// nobody else can have put anything in the place of what is on the way. So it is also where the user holds up what opens
// it: that is no reason not to serve others.
func openBelow(d disk.Disk, folder, rest string) (int, error) {
	f, err := d.OpenLog(folder, rest)
	if (errors.Is(err, fs.ErrPermission) || disk.Unanswered(err)) && d != disk.Own && isOneOwners(folder, rest) {
		f, err = disk.Own.OpenLog(folder, rest)
	}
	if errors.Is(err, os.ErrNotExist) {
		return -1, notOpened(filepath.Join(folder, rest), unix.ENOENT)
	}
	if err != nil {
		return -1, fmt.Errorf("cannot open the log %s: below an app's folder, or another user's, root opens only what that user may write, "+
			"regular files and no links: %w", filepath.Join(folder, rest), reason(err))
	}
	defer func() { _ = f.Close() }()
	return disk.Twin(f)
}

// isOneOwners reports whether the folders down to a log belong to one user, and nobody else may write to them.
func isOneOwners(folder, rest string) bool {
	owner := -1
	for at := filepath.Dir(filepath.Join(folder, rest)); ; at = filepath.Dir(at) {
		stat, err := os.Lstat(at)
		if err != nil || !stat.IsDir() || stat.Mode().Perm()&0o022 != 0 {
			return false
		}
		uid := int(stat.Sys().(*syscall.Stat_t).Uid)
		if owner >= 0 && uid != owner {
			return false
		}
		owner = uid
		if at == filepath.Clean(folder) || at == "/" {
			return true
		}
	}
}

// reason is an error without the call and the path.
func reason(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}
