package log

import (
	"bytes"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A target is what lines are written to.
type target interface {
	// write writes the beginning of p. The error is EAGAIN if there is nobody to take it now, and errGone
	// if there never will be.
	write(p []byte) (int, error)
	waitsFor() (fd int, ok bool) // the descriptor to wait for after EAGAIN
	reopen(Rules) error
	close()
}

var (
	errGone   = errors.New("nobody reads it any more")
	errUnread = errors.New("its reader does not read")
)

// atOnce is how much a pipe takes whole, or not at all (pipe(7), PIPE_BUF). When poll(2) says that there
// is room, there is that much.
const atOnce = 4096

// A stream is a pipe, a socket or a terminal, whose reader may not read. Purser shares it with whoever
// started purser, and so does not make it non-blocking: it asks before each write, and writes little.
type stream struct {
	fd     int
	socket bool
	keep   *os.File // whose descriptor it is
}

// streamOf is the target of an open stream.
func streamOf(w io.Writer) target {
	f, ok := w.(*os.File)
	if !ok {
		return memory{w}
	}
	fd := int(f.Fd())
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return memory{io.Discard} // it was closed by whoever started purser
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFREG {
		return &file{fd: fd, borrowed: f}
	}
	return &stream{fd: fd, socket: stat.Mode&unix.S_IFMT == unix.S_IFSOCK, keep: f}
}

func (s *stream) write(p []byte) (int, error) {
	ready := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(ready, 0); n == 0 || err != nil {
		return 0, unix.EAGAIN
	}
	p = piece(p)
	var n int
	var err error
	if s.socket {
		n, err = unix.SendmsgN(s.fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	} else {
		n, err = unix.Write(s.fd, p)
	}
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		err = errGone
	}
	return max(n, 0), err
}

// piece is as much of p as is written at once: whole lines if one ends in it, as others may write to the same stream.
func piece(p []byte) []byte {
	if len(p) <= atOnce {
		return p
	}
	if end := bytes.LastIndexByte(p[:atOnce], '\n'); end >= 0 {
		return p[:end+1]
	}
	return p[:atOnce]
}

func (s *stream) waitsFor() (int, bool) { return s.fd, true }
func (s *stream) reopen(Rules) error    { return nil }
func (s *stream) close()                {}

// memory is a writer that never waits.
type memory struct{ io.Writer }

func (m memory) write(p []byte) (int, error) { return m.Write(p) }
func (m memory) waitsFor() (int, bool)       { return 0, false }
func (m memory) reopen(Rules) error          { return nil }
func (m memory) close()                      {}
