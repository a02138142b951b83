package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is a connected stream whose reads and writes are system calls made by hand.
//
// The runtime's poller is used for waiting only. What net.Conn would add to each call (telling the
// scheduler that it may block, which on a non-blocking descriptor it never does) is half of the
// cost of a small request. One goroutine may read and one may write at a time; only the owner
// closes it, so that the descriptor is valid for as long as the socket is in use.
type socket struct {
	conn net.Conn
	raw  syscall.RawConn
	fd   uintptr

	reader pollRead
	writer pollWrite
	link   bool  // leads to a process, not to a client
	used   int64 // of a link: when it was last given back, on the server's clock
}

// pollRead is a read that waits: what try, which the poller calls, works on.
type pollRead struct {
	before []byte // written first, so that the poller is armed before the answer can come
	wrote  int
	into   lender // where to
	n      int
	err    error
	try    func(uintptr) bool
}

// pollWrite is a write that waits.
type pollWrite struct {
	rest []byte
	err  error
	try  func(uintptr) bool
}

var errNotSocket = errors.New("the connection has no file descriptor")

func newSocket(c net.Conn) (*socket, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errNotSocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{conn: c, raw: raw}
	if err := raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
		return nil, err
	}
	s.reader.try = s.tryRead
	s.writer.try = s.tryWrite
	return s, nil
}

// A lender lends the memory for a read only when there is something to read, so that a connection
// that waits holds none.
type lender interface {
	space() []byte
	unused() // nothing came into it
}

// read waits until something can be read and reads it. An end of stream is io.EOF.
func (s *socket) read(into lender) (int, error) {
	r := &s.reader
	r.into = into
	err := s.raw.Read(r.try)
	r.into = nil
	if err != nil {
		return 0, err
	}
	return r.n, r.err
}

// exchange writes request and then reads as read does. The poller is armed before the write, so
// that no answer can slip by and a first, futile attempt to read is saved. wrote tells how much of
// request went out: the rest is the caller's to send.
//
// After a timeout it must be called again with the rest, which may be empty.
func (s *socket) exchange(request []byte, into lender) (wrote, n int, err error) {
	s.reader.before, s.reader.wrote = request, 0
	if len(request) == 0 {
		s.reader.before = nil
	}
	n, err = s.read(into)
	s.reader.before = nil
	return s.reader.wrote, n, err
}

func (s *socket) tryRead(fd uintptr) bool {
	r := &s.reader
	if r.before != nil {
		n, errno := send(fd, r.before)
		r.wrote = n
		switch {
		case errno == 0 && n == len(r.before):
			r.before = nil
			r.into.unused() // the request's memory, for as long as the answer is awaited
			return false
		case errno != 0 && errno != unix.EAGAIN:
			r.n, r.err = 0, os.NewSyscallError("write", errno)
			return true
		}
		r.n, r.err = 0, errPartialWrite
		return true
	}
	buf := r.into.space()
	n, errno := recv(fd, buf, 0)
	switch {
	case errno == unix.EAGAIN:
		r.into.unused()
		return false
	case errno != 0:
		r.n, r.err = 0, os.NewSyscallError("read", errno)
	case n == 0 && len(buf) > 0:
		r.n, r.err = 0, io.EOF
	default:
		r.n, r.err = n, nil
	}
	return true
}

// errPartialWrite says that exchange could not send all of the request at once.
var errPartialWrite = errors.New("the request was sent in part")

// tryWriting writes what the kernel takes at once. An error other than "would block" is returned.
func (s *socket) tryWriting(p []byte) (int, error) {
	n, errno := send(s.fd, p)
	if errno != 0 && errno != unix.EAGAIN {
		return n, os.NewSyscallError("write", errno)
	}
	return n, nil
}

// writeSome waits until something of p can be written and returns how much was.
func (s *socket) writeSome(p []byte) (int, error) {
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

// writeAll writes all of p, waiting as long as it takes.
func (s *socket) writeAll(p []byte) error {
	for len(p) > 0 {
		n, err := s.writeSome(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (s *socket) tryWrite(fd uintptr) bool {
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

// quiet reports whether the peer has neither closed nor sent anything since the last answer. Bytes
// on an idle connection are no answer to anything: it must not be used again.
func (s *socket) quiet() bool {
	var b [1]byte
	_, errno := recv(s.fd, b[:], unix.MSG_PEEK)
	return errno == unix.EAGAIN
}

// hungUp reports whether the peer has closed its side. It may be asked from any goroutine.
func (s *socket) hungUp() bool {
	gone := false
	err := s.raw.Control(func(fd uintptr) { gone = hungUp(fd) })
	return gone || err != nil
}

func hungUp(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(fds, 0)
	return n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

var longAgo = time.Unix(1, 0)

// wake ends whatever waits on the socket with a timeout. Safe from any goroutine. On a link to a
// process only the reader is woken: who sends a body beside it is ended by the reader.
func (s *socket) wake() {
	if s.link {
		_ = s.conn.SetReadDeadline(longAgo)
	} else {
		_ = s.conn.SetDeadline(longAgo)
	}
}

// calm takes a wake back.
func (s *socket) calm() { _ = s.conn.SetDeadline(time.Time{}) }

func (s *socket) close() { _ = s.conn.Close() }

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func recv(fd uintptr, p []byte, flags uintptr) (int, unix.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), flags|unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return int(n), 0
	}
}

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
