package disk

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// IsFolder reports whether it is a folder.
func (i Info) IsFolder() bool { return i.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsRegular reports whether it is a regular file.
func (i Info) IsRegular() bool { return i.Mode&unix.S_IFMT == unix.S_IFREG }

// IsLink reports whether it is a symbolic link.
func (i Info) IsLink() bool { return i.Mode&unix.S_IFMT == unix.S_IFLNK }

// ChangedAt is when it was changed in any way, by the kernel's word.
func (i Info) ChangedAt() time.Time { return time.Unix(0, i.Changed) }

// Same reports whether both are the same file, touched or not.
func (i Info) Same(other Info) bool { return i.Dev == other.Dev && i.Inode == other.Inode }

// Untouched reports whether both are the same file, with nothing written to it in between.
func (i Info) Untouched(since Info) bool { return i.Same(since) && i.Modified == since.Modified }

func infoOf(stat fs.FileInfo) Info {
	system := stat.Sys().(*syscall.Stat_t) // what os.Stat gives on every Unix
	return Info{Dev: uint64(system.Dev), Inode: system.Ino, Mode: system.Mode, Size: system.Size, Modified: system.Mtim.Nano(), Changed: system.Ctim.Nano()}
}

func infoFrom(stat *unix.Stat_t) Info {
	return Info{Dev: uint64(stat.Dev), Inode: stat.Ino, Mode: stat.Mode, Size: stat.Size, Modified: stat.Mtim.Nano(), Changed: stat.Ctim.Nano()}
}
