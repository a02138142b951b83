package disk

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

func (own) Watch(inotify int, path string, mask uint32) (watch int, blind bool, err error) {
	watch, err = unix.InotifyAddWatch(inotify, path, mask)
	if err != nil {
		return 0, false, fmt.Errorf("cannot watch %s: %w", path, err)
	}
	return watch, isBlind(path), nil
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
