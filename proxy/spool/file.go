package spool

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"purser/proxy/fair"
)

// disk is for what is written to files and read from them, whoever it is for. Each call that goes on at the same time
// has a thread of its own, and a thousand of these would leave nothing to a request that needs no file. Who has waited
// goes on at once, as it has memory in hand: if all that is ready went first, that would come to wait with as much.
var disk = fair.NewSemaphore(runtime.GOMAXPROCS(0))

// An Error says that something could not be kept.
type Error struct{ err error }

func (e *Error) Error() string {
	return "cannot keep a body in " + os.TempDir() + ": " + e.err.Error()
}
func (e *Error) Unwrap() error { return e.err }

// A file is a file without a name, made when it is first written to. Its size is claimed from the spool.
type file struct {
	spool *Spool
	file  *os.File // nil until then
	size  int64
	gone  int64 // of it, from its beginning, was given back
	claim *claim
}

// writeAt writes p at an offset within the file or at its end, and returns how much was written.
func (f *file) writeAt(p []byte, at int64) (int, error) {
	if f.file == nil {
		made, err := newFile()
		if err != nil {
			return 0, &Error{err}
		}
		if kept := f.spool.Kept; kept != nil && kept(made.Fd()) {
			_ = made.Close()
			return 0, &Error{unix.EMFILE}
		}
		f.own(made)
	}
	if more := at + int64(len(p)) - f.size; more > 0 {
		if err := f.spool.grow(f.claim, more); err != nil {
			return 0, err
		}
		f.size += more
	}
	disk.Acquire(fair.Flow{})
	n, err := f.file.WriteAt(p, at)
	disk.Release()
	if err != nil {
		return n, &Error{err}
	}
	return n, nil
}

func (f *file) own(made *os.File) {
	f.file = made
	if f.claim == nil {
		f.claim = &claim{}
	}
	f.edit(func(c *claim) { c.file = made })
}

// forgetStep is how much must lie before an offset to be worth giving back.
const forgetStep = 1 << 20

// forget gives back the room of what lies before an offset: nobody reads it again.
func (f *file) forget(before int64) {
	n := before - f.gone
	if f.file == nil || n < forgetStep {
		return
	}
	const hole = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	err := unix.Fallocate(int(f.file.Fd()), hole, f.gone, n)
	f.gone = before
	if err != nil {
		return // the file system has no holes: it keeps what it has until the file is empty
	}
	f.edit(func(c *claim) {
		n = min(n, c.held) // nothing is left if it was dropped
		c.held -= n
		f.spool.held -= n
	})
}

// empty gives back all of its room: everything was read.
func (f *file) empty() {
	if f.size > 0 {
		f.edit(f.spool.release)
		_ = f.file.Truncate(0)
		f.size, f.gone = 0, 0
	}
}

// readAt reads what was written at an offset, in a turn that its caller has. A file that gave way was emptied, and may
// have been written to after that: what is then read before it is a hole.
func (f *file) readAt(p []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(p, at)
	if f.dropped() {
		return 0, ErrFull
	}
	return n, err
}

// moved counts bytes that the client has sent, or taken.
func (f *file) moved(n int) {
	f.edit(func(c *claim) {
		c.last = f.spool.clock.Now()
		c.turn(c.last)
		c.moved += int64(n)
	})
}

// edit changes the claim, if there is one.
func (f *file) edit(change func(*claim)) {
	if f.claim == nil {
		return
	}
	f.spool.mu.Lock()
	defer f.spool.mu.Unlock()
	change(f.claim)
}

func (f *file) dropped() (dropped bool) {
	f.edit(func(c *claim) { dropped = c.dropped })
	return dropped
}

func (f *file) close() {
	if f.file == nil {
		return
	}
	f.edit(f.spool.release)
	disk.Acquire(fair.Flow{})
	_ = f.file.Close()
	disk.Release()
	*f = file{spool: f.spool}
}

// newFile returns a file without a name, in $TMPDIR: it is gone with its descriptor.
func newFile() (*os.File, error) {
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "spool"), nil
	}
	f, err := os.CreateTemp("", "purser-spool-") // where the file system has no O_TMPFILE
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
