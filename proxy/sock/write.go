package sock

import (
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filePiece is how much of a file is sent in one system call, at most.
const filePiece = 1 << 20

// pollWrite is a write that waits.
type pollWrite struct {
	rest []byte
	err  error
	try  func(uintptr) bool
}

// TryWrite writes what the kernel takes at once. An error other than "would block" is returned.
func (s *Socket) TryWrite(p []byte) (int, error) {
	n, errno := send(s.fd, p)
	if errno != 0 && errno != unix.EAGAIN {
		return n, os.NewSyscallError("write", errno)
	}
	return n, nil
}

// WriteSome waits until something of p can be written and returns how much was.
func (s *Socket) WriteSome(p []byte) (int, error) {
	w := &s.writer
	w.rest = p
	err := s.raw.Write(w.try)
	n := len(p) - len(w.rest)
	w.rest = nil
	if err == nil {
		err = w.err
	}
	return n, err
}

func (s *Socket) tryWrite(fd uintptr) bool {
	w := &s.writer
	n, errno := send(fd, w.rest)
	switch {
	case errno == unix.EAGAIN:
		return false
	case errno != 0:
		w.err = os.NewSyscallError("write", errno)
	default:
		w.rest, w.err = w.rest[n:], nil
	}
	return true
}

// SendFile waits until something of the n bytes of f that begin at from can be sent, straight from the
// kernel's cache, and returns how much was.
func (s *Socket) SendFile(f *os.File, from, n int64) (int64, error) {
	sent, src := 0, int(f.Fd())
	var failed error
	err := s.raw.Write(func(fd uintptr) bool {
		at := from
		sent, failed = unix.Sendfile(int(fd), src, &at, int(min(n, filePiece)))
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case failed == unix.EINTR:
		return 0, nil
	case failed != nil:
		return 0, os.NewSyscallError("sendfile", failed)
	case sent == 0:
		return 0, io.ErrUnexpectedEOF // the file was truncated
	}
	return int64(sent), nil
}

// SetWriteDeadline ends waits for room to write at a time of its own, beside the sweeper's.
func (s *Socket) SetWriteDeadline(t time.Time) { _ = s.conn.SetWriteDeadline(t) }

func send(fd uintptr, p []byte) (int, unix.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}
