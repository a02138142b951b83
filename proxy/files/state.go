package files

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"purser/proxy/coding"
)

// A state tells whether a file is still what it was. Whatever is written into a file, and whatever becomes of its name,
// its owner or its permissions, changes it.
type state struct {
	device, inode     uint64
	size              int64
	modified, changed syscall.Timespec // mtime and ctime
	named             bool             // it has a name; one that was deleted, or replaced, has none
}

func stateOf(st *syscall.Stat_t) state {
	return state{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim, st.Nlink > 0}
}

// stateNow asks the kernel by the descriptor. Of a file in memory of this machine it is told without any wait: then the
// runtime need not be told of the call, which costs more than the call.
func stateNow(fd uintptr, near bool) (state, bool) {
	var st syscall.Stat_t
	if near {
		_, _, errno := unix.RawSyscall(unix.SYS_FSTAT, fd, uintptr(unsafe.Pointer(&st)), 0)
		return stateOf(&st), errno == 0
	}
	err := syscall.Fstat(int(fd), &st)
	return stateOf(&st), err == nil
}

// isNear reports whether a file lies in a file system that has all that is known of an open file in memory. Others may
// ask another machine, or a process.
func isNear(fd uintptr) bool {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(fd), &fs); err != nil {
		return false
	}
	switch int64(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

// settled reports whether any further change would show in the state: times are only so exact, so that of two changes
// at about the same time the second may not.
func (s *state) settled(now time.Time) bool {
	last := max(s.modified.Sec, s.changed.Sec)
	return now.Unix()-last > int64(lookAgain/time.Second)
}

// olderThan reports whether a file was modified before another.
func (s *state) olderThan(other *state) bool {
	a, b := &s.modified, &other.modified
	return a.Sec < b.Sec || a.Sec == b.Sec && a.Nsec < b.Nsec
}

// A find is a file that was looked for: open, and how it was then.
type find struct {
	file   *os.File
	state  state
	coding coding.Coding
}

func (f *find) close() { _ = f.file.Close() }

func sysOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }
