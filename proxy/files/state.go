package files

import (
	"os"
	"syscall"
	"time"
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

// stateNow asks the kernel by the descriptor.
func stateNow(fd uintptr) (state, bool) {
	var st syscall.Stat_t
	err := syscall.Fstat(int(fd), &st)
	return stateOf(&st), err == nil
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
	coding int // 0 = it is what it is, else one more than the index of one of codings
}

func (f *find) close() { _ = f.file.Close() }

func sysOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }
