package sock

import (
	"io"
	"os"
	"sync"
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

// TryWrite writes what the kernel takes at once. Who writes on offers the rest, in its order: with TLS some of
// it may be encrypted already.
func (s *Socket) TryWrite(p []byte) (int, error) {
	n, _, err := s.put(s.fd, p)
	return n, err
}

// put is where bytes go out. It does not wait: again says that there is no room yet. What counts as written
// has gone to the kernel.
func (s *Socket) put(fd uintptr, p []byte) (n int, again bool, err error) {
	if s.tls != nil {
		return s.tls.put(p)
	}
	n, errno := send(fd, p, 0)
	switch errno {
	case 0:
		return n, false, nil
	case unix.EAGAIN:
		return 0, true, nil
	}
	return 0, false, os.NewSyscallError("write", errno)
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
	n, again, err := s.put(fd, w.rest)
	w.rest, w.err = w.rest[n:], err
	return !again
}

// AwaitRoom waits until the kernel takes something. Who waits so holds no memory meanwhile.
func (s *Socket) AwaitRoom() error {
	waited := false
	return s.raw.Write(func(fd uintptr) bool {
		if !waited {
			waited = true
			return polled(fd, unix.POLLOUT|unix.POLLHUP|unix.POLLERR) // a peer that has ended its side alone may still read
		}
		return true
	})
}

// SendFile waits until something of the n bytes of f that begin at from can be sent, straight from the
// kernel's cache, and returns how much was. With TLS it is read and written.
func (s *Socket) SendFile(f *os.File, from, n int64) (int64, error) {
	if s.tls != nil {
		return s.sendRead(f, from, n)
	}
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

// filePieces are memory to read files into.
var filePieces = sync.Pool{New: func() any { return new([2 * Record]byte) }}

// sendRead is SendFile through TLS. It waits without memory, and reads again what was not taken.
func (s *Socket) sendRead(f *os.File, from, n int64) (int64, error) {
	for {
		sent, err := s.offerFile(f, from, n)
		if sent > 0 || err != nil {
			return sent, err
		}
		if err := s.AwaitRoom(); err != nil {
			return 0, err
		}
	}
}

// offerFile sends what of a piece of a file the kernel takes at once.
func (s *Socket) offerFile(f *os.File, from, n int64) (int64, error) {
	memory := filePieces.Get().(*[2 * Record]byte)
	defer filePieces.Put(memory)
	got, err := f.ReadAt(memory[:min(n, int64(len(memory)))], from)
	switch {
	case got == 0 && err == io.EOF: //nolint:errorlint // ReadAt gives it bare
		return 0, io.ErrUnexpectedEOF // the file was truncated
	case got == 0:
		return 0, err
	}
	Compute(s.Flow)
	defer Computed()
	sent, err := s.TryWrite(memory[:got])
	return int64(sent), err
}

// SetWriteDeadline ends waits for room to write at a time of its own, beside the sweeper's.
func (s *Socket) SetWriteDeadline(t time.Time) { _ = s.conn.SetWriteDeadline(t) }

func send(fd uintptr, p []byte, flags uintptr) (int, unix.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL|flags, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}
