// Package sock is bytes and waits: connected streams whose reads and writes are system calls made by
// hand, the deadlines of those who wait on them, and the clock that these are told on.
//
// A wait ends for one of three reasons: there is something to do, its deadline has passed, or somebody
// woke it. A wake is only a hint to look again: who was woken asks what has become true, and waits on
// if it is nothing. So a wake that comes late, when its socket already serves something else, does no
// harm.
package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/fair"
)

// A Socket is a connected stream.
//
// The runtime's poller is used for waiting only. What net.Conn would add to each call (telling the
// scheduler that it may block, which on a non-blocking descriptor it never does) is half of the
// cost of a small request. One goroutine may read and one may write at a time; only the owner
// closes it, so that the descriptor is valid for as long as the socket is in use.
type Socket struct {
	raw      syscall.RawConn
	fd       uintptr
	tls      *tlsLayer    // nil without TLS; asked whenever the descriptor is used
	deadline atomic.Int64 // on the sweeper's clock; 0 = none, fired = passed
	watch    watch
	unsure   unsure
	sweeper  *Sweeper
	reader   pollRead

	next, prev *Socket // in the sweeper's list, guarded by its mutex
	conn       handle
	writer     pollWrite

	Flow fair.Flow // what is computed for its peer belongs to
}

// A handle is what the runtime's poller knows a descriptor by: a net.Conn or an os.File.
type handle interface {
	syscall.Conn
	io.Closer
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

var errNotSocket = errors.New("the connection has no file descriptor")

// New makes a socket of a connection, which it owns from then on. The sweeper looks at its deadlines
// until it is closed.
func New(c io.Closer, sweeper *Sweeper) (*Socket, error) {
	conn, ok := c.(handle)
	if !ok {
		return nil, errNotSocket
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Socket{conn: conn, raw: raw, sweeper: sweeper}
	if err := raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
		return nil, err
	}
	s.reader.try, s.reader.serve = s.tryRead, s.tryServe
	s.writer.try = s.tryWrite
	sweeper.add(s)
	return s, nil
}

// FD returns the number of its descriptor.
func (s *Socket) FD() uintptr { return s.fd }

// Clock returns the clock that its deadlines are told on.
func (s *Socket) Clock() *Clock { return s.sweeper.Clock }

// Close leaves the sweeper first: nobody may meet a descriptor whose number is somebody else's by then.
func (s *Socket) Close() {
	if s.tls != nil {
		s.tls.closeWrite()
		s.tls.end()
	}
	left := s.sweeper.remove(s)
	_ = s.conn.Close()
	if left {
		s.sweeper.count.Add(-1) // once its descriptor is free, not before
	}
}

// Reset closes the socket so that its peer is told that what it got is not whole, where the transport
// can say so: TCP can, by a reset. What the peer has not yet got goes with it, so a peer that takes it has
// a moment for that.
func (s *Socket) Reset() {
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		s.awaitArrival(resetDelay)
		_ = tcp.SetLinger(0)
	}
	if s.tls != nil { // its peer is not told of an end in order
		s.tls.end()
		s.tls = nil
	}
	s.Close()
}

// resetDelay is how long a reset may wait for what was sent before.
const resetDelay = time.Second

// awaitArrival waits until the peer has acknowledged all that was sent. The kernel tells nobody when.
func (s *Socket) awaitArrival(most time.Duration) {
	end := time.Now().Add(most)
	for pause := time.Millisecond; time.Now().Before(end); pause = min(2*pause, 50*time.Millisecond) {
		unsent, err := unix.IoctlGetInt(int(s.fd), unix.SIOCOUTQ)
		if err != nil || unsent == 0 || polled(s.fd, unix.POLLHUP|unix.POLLERR) {
			return
		}
		time.Sleep(pause)
	}
}

// Refuse says that nothing more is taken, and reports whether the peer notices, as it does on a unix
// socket: its next write fails.
func (s *Socket) Refuse() bool {
	if _, tcp := s.conn.(*net.TCPConn); tcp {
		return false
	}
	s.shutdown(unix.SHUT_RD)
	return true
}

// CloseWrite ends what is sent. The peer may still be read.
func (s *Socket) CloseWrite() {
	if s.tls != nil {
		s.tls.closeWrite()
	}
	s.shutdown(unix.SHUT_WR)
}

// Shutdown ends both directions, which all who wait on the socket notice. It may be called from any
// goroutine.
func (s *Socket) Shutdown() { s.shutdown(unix.SHUT_RDWR) }

func (s *Socket) shutdown(how int) {
	_ = s.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), how) })
}

// TimedOut reports whether a wait ended by its deadline, or by a wake.
func TimedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
