package sock

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Peek looks at the first bytes that can be read, and leaves them there. It waits until they are more than have,
// which is how many were seen before, or an end of stream: io.EOF, or io.ErrUnexpectedEOF after some bytes.
func (s *Socket) Peek(p []byte, have int) (n int, err error) {
	waited := s.raw.Read(func(fd uintptr) bool {
		ended := polled(fd, hungUp) // looked at first: what came before the end is seen then
		var errno unix.Errno
		n, errno = recv(fd, p, unix.MSG_PEEK)
		switch {
		case errno != 0 && errno != unix.EAGAIN:
			err = os.NewSyscallError("read", errno)
		case n > have:
		case n == 0 && ended:
			err = io.EOF
		case ended:
			err = io.ErrUnexpectedEOF
		default:
			return false
		}
		return true
	})
	if waited != nil {
		return 0, waited
	}
	return n, err
}

// Take reads all of p, which was seen by Peek.
func (s *Socket) Take(p []byte) (err error) {
	waited := s.raw.Read(func(fd uintptr) bool {
		for len(p) > 0 && err == nil {
			var n int
			n, _, err = receive(fd, p)
			p = p[n:]
		}
		return true
	})
	if waited != nil {
		return waited
	}
	return err
}

// Discard throws away what has come, as far as it is a request's head at most, so that the end of the connection
// does not reset it (RFC 9112 section 9.6). It does not wait.
func (s *Socket) Discard() {
	var p [4 << 10]byte
	for range 4 {
		if n, _, _ := receive(s.fd, p[:]); n < len(p) {
			return
		}
	}
}
