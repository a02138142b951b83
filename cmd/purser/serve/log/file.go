package log

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/DeRuina/timberjack"
	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

// A file is a log file. What has its name may also be a pipe or a terminal.
type file struct {
	fd       int
	size     int64
	midline  bool     // what was written last is the beginning of a line
	pipe     *stream  // set if it is no regular file
	borrowed *os.File // stderr or stdout, which somebody else has opened

	path    string
	below   string    // an app's folder, or another user's, that it is in, whose owner root does not trust; "" = none
	rest    string    // the path from there
	disk    disk.Disk // the way to it
	rules   Rules     // that it was opened by
	turning turn
}

func newFile(l *Log, path string) *file { return &file{path: path, turning: turn{log: l}} }

// start opens the file as the rules say.
func (f *file) start(r Rules) error {
	if err := r.refusal(f.path); err != nil {
		return err
	}
	if err := f.locate(r); err != nil {
		return err
	}
	fd, err := f.open()
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("cannot look at the log %s: %w", f.path, err)
	}
	f.close()
	if r.server.LogMaxSize != f.rules.server.LogMaxSize {
		f.turning.limit = r.server.LogMaxSize
	}
	f.rules = r
	f.fd, f.size, f.midline, f.pipe = fd, stat.Size, false, nil
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		f.pipe = &stream{fd: fd, socket: stat.Mode&unix.S_IFMT == unix.S_IFSOCK}
	} else if torn(fd, stat.Size) {
		_, _ = unix.Write(fd, []byte{'\n'}) // the half line of a purser that was killed is ended
	}
	return nil
}

func (f *file) open() (int, error) {
	switch {
	case f.below != "":
		return openBelow(f.disk, f.below, f.rest)
	case os.Geteuid() == 0:
		return openAsRoot(f.path)
	}
	fd, err := openPath(f.path)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		if handed := f.turning.log.handed(f.path); handed >= 0 {
			return handed, nil
		}
	}
	return fd, err
}

// handed is a file that was opened for us, -1 if there is none.
func (l *Log) handed(path string) int {
	if handed := l.config().Handed; handed != nil {
		return handed(path)
	}
	return -1
}

// openPath opens a file of that name, links followed. At first only its owner may read it; who else may
// is the operator's to say. A pipe without a reader is not waited for.
func openPath(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0o600)
	return fd, notOpened(path, err)
}

// notOpened is why a log was not opened, with what to do about it.
func notOpened(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENXIO):
		return fmt.Errorf("cannot open the log %s: it is a pipe or a socket that nobody reads", path)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("cannot open the log %s: its folder does not exist; create it", path)
	}
	return fmt.Errorf("cannot open the log %s: %w", path, err)
}

// torn reports whether the file ends in half a line.
func torn(fd int, size int64) bool {
	if size == 0 {
		return false
	}
	reading, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false // we may write it, but not read it
	}
	defer func() { _ = unix.Close(reading) }()
	last := []byte{'\n'}
	_, err = unix.Pread(reading, last, size-1)
	return err == nil && last[0] != '\n'
}

func (f *file) write(p []byte) (int, error) {
	if f.fd == 0 && f.borrowed == nil { // it was closed, as nobody wrote to it
		if err := f.start(f.rules); err != nil {
			return 0, notThere{err}
		}
	}
	if f.pipe != nil {
		return f.pipe.write(p)
	}
	switch {
	case f.borrowed != nil || f.midline:
	case f.turning.log.follows.Load():
		f.follow()
	default:
		f.turning.look(f)
	}
	n, err := unix.Write(f.fd, p)
	if n > 0 {
		f.size += int64(n)
		f.midline = p[n-1] != '\n'
	}
	return max(n, 0), err
}

// A notThere is why a file that was closed cannot be written any more: it is as good as gone.
type notThere struct{ error }

func (notThere) Is(target error) bool { return target == errGone }

func (f *file) waitsFor() (int, bool) {
	if f.pipe != nil {
		return f.pipe.waitsFor()
	}
	return 0, false
}

func (f *file) reopen(r Rules) error {
	if f.borrowed != nil {
		return nil
	}
	return f.start(r)
}

func (f *file) close() {
	if f.borrowed == nil && f.fd > 0 {
		_ = unix.Close(f.fd)
		f.fd, f.pipe = 0, nil
	}
}

// A turn moves a file aside once it has grown to a size, begins another, and removes the oldest of those
// moved aside. It does so beside the writer, which goes on in the old file until the new one is there.
type turn struct {
	log   *Log
	limit int64 // bytes at which it is tried next; 0 = never
	under bool  // it is being moved
	moved atomic.Pointer[result]
}

type result struct{ err error }

// look is called by the writer between two lines.
func (t *turn) look(f *file) {
	if end := t.moved.Swap(nil); end != nil {
		err := end.err
		if err == nil {
			err = f.start(f.rules)
		}
		most := f.rules.server.LogMaxSize
		t.under, t.limit = false, most
		if err != nil && most > 0 {
			t.limit = f.size + most
			t.log.Error("cannot move a log aside that has grown, going on with it", "log", f.path, "error", err)
		}
	}
	if !t.under && t.limit > 0 && f.size >= t.limit && t.log.beginMove() {
		t.under = true
		path, keep := f.path, f.rules.server.LogKeep
		t.log.tidy.Go(func() { t.run(path, keep) })
	}
}

// run is the library's work: names, the new file with the owner and mode of the old one, and what is
// kept. What it complains of it writes to stderr itself, and so it may wait for a reader.
func (t *turn) run(path string, keep int) {
	defer t.log.endMove()
	old := &timberjack.Logger{Filename: path, MaxBackups: keep, LocalTime: true}
	t.moved.Store(&result{old.RotateWithReason("size")})
	_ = old.Close()
}
