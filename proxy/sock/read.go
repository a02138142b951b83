package sock

import (
	"errors"
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Lender lends the memory for a read only when there is something to read, so that a connection
// that waits holds none.
type Lender interface {
	Space() []byte
	Unused() // nothing came into it
}

// A Server uses what was read while the wait for more goes on: Use does not read from the socket, and
// reports whether there is to be more.
type Server interface {
	Lender
	Use(n int) (goOn bool)
}

// pollRead is a read that waits: what try and serve, which the poller calls, work on.
type pollRead struct {
	try    func(uintptr) bool
	into   Lender // where to
	serve  func(uintptr) bool
	server Server
	served bool // something was used already
	n      int
	err    error
	before []byte // written first, so that the poller is armed before the answer can come
	wrote  int
}

// ErrPartialWrite says that Exchange could not send all of the request at once.
var ErrPartialWrite = errors.New("the request was sent in part")

// Read waits until something can be read and reads it. An end of stream is io.EOF.
func (s *Socket) Read(into Lender) (int, error) {
	r := &s.reader
	r.into = into
	err := s.raw.Read(r.try)
	r.into = nil
	if err != nil {
		return 0, err
	}
	return r.n, r.err
}

// Exchange writes request and then reads as Read does. The poller is armed before the write, so
// that no answer can slip by and a first, futile attempt to read is saved. Wrote tells how much of
// request went out: the rest is the caller's to send.
//
// After a timeout it must be called again with the rest, which may be empty.
func (s *Socket) Exchange(request []byte, into Lender) (wrote, n int, err error) {
	s.reader.before, s.reader.wrote = request, 0
	if len(request) == 0 {
		s.reader.before = nil
	}
	n, err = s.Read(into)
	s.reader.before = nil
	return s.reader.wrote, n, err
}

// Serve reads again and again, and has by use it, until that is enough for it. Where what came first was
// used, no read is tried that would only tell that there is nothing more yet, as the poller tells of what
// comes from then on. It does not tell again of an end that came together with bytes: the sweeper does, a
// moment later.
func (s *Socket) Serve(by Server) error {
	r := &s.reader
	r.server, r.served = by, false
	err := s.raw.Read(r.serve)
	r.server = nil
	if err != nil {
		return err
	}
	return r.err
}

func (s *Socket) tryServe(fd uintptr) bool {
	r := &s.reader
	if s.tls != nil {
		s.tls.dry = false
	}
	for {
		if s.tls != nil {
			s.tls.trustIt = r.served
		}
		space := r.server.Space()
		n, again, err := s.get(fd, space)
		switch {
		case again:
			r.server.Unused()
			if s.tls != nil && r.served {
				s.unsure.set(sinceThisTick)
			}
			return false
		case err != nil || !r.server.Use(n):
			r.err = err
			return true
		case n < len(space) && r.served && s.tls == nil: // TLS may have more of what it was given
			s.unsure.set(sinceThisTick)
			return false
		}
		r.served = true
	}
}

func (s *Socket) tryRead(fd uintptr) bool {
	r := &s.reader
	if r.before != nil {
		return s.tryBefore(fd)
	}
	if s.tls != nil {
		s.tls.lookAgain()
	}
	var again bool
	if r.n, again, r.err = s.get(fd, r.into.Space()); again {
		r.into.Unused()
		return false
	}
	return true
}

// get is where bytes come in. It does not wait: again says that there is nothing yet.
func (s *Socket) get(fd uintptr, p []byte) (n int, again bool, err error) {
	if s.tls != nil {
		return s.tls.get(p)
	}
	return receive(fd, p)
}

// receive is get without TLS.
func receive(fd uintptr, p []byte) (n int, again bool, err error) {
	n, errno := recv(fd, p, 0)
	switch {
	case errno == unix.EAGAIN:
		return 0, true, nil
	case errno != 0:
		return 0, false, os.NewSyscallError("read", errno)
	case n == 0 && len(p) > 0:
		return 0, false, io.EOF
	}
	return n, false, nil
}

// tryBefore writes what is to go out before the read.
func (s *Socket) tryBefore(fd uintptr) bool {
	r := &s.reader
	n, errno := send(fd, r.before, 0)
	r.wrote = n
	switch {
	case errno == 0 && n == len(r.before):
		r.before = nil
		r.into.Unused() // the request's memory, for as long as the answer is awaited
		return false
	case errno != 0 && errno != unix.EAGAIN:
		r.n, r.err = 0, os.NewSyscallError("write", errno)
		return true
	}
	r.n, r.err = 0, ErrPartialWrite
	return true
}

// SetReadDeadline ends waits for something to read at a time of its own, beside the sweeper's.
func (s *Socket) SetReadDeadline(t time.Time) { _ = s.conn.SetReadDeadline(t) }

// Quiet reports whether the peer has neither closed nor sent anything since the last answer. Bytes
// on an idle connection are no answer to anything: it must not be used again. Of a socket with TLS a byte may be
// lost: who asks does not read on.
func (s *Socket) Quiet() bool {
	var b [1]byte
	if s.tls != nil {
		s.tls.lookAgain()
		_, again, _ := s.tls.get(b[:])
		return again
	}
	_, errno := recv(s.fd, b[:], unix.MSG_PEEK)
	return errno == unix.EAGAIN
}

// HasBytes reports whether the peer has sent anything that was not read. The socket goes on as it was.
func (s *Socket) HasBytes() bool {
	var b [1]byte
	n, _ := recv(s.fd, b[:], unix.MSG_PEEK)
	return n > 0
}

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
