package sock

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// Record is how much plaintext a record of TLS carries at most (RFC 8446 section 5.1). That much is handed
	// to TLS at a time. What fills whole records costs least: each is a system call.
	Record = 16 << 10
	// mostControl is how much of what TLS says by itself, key updates and alerts, may wait beside a record for
	// a peer that does not read. Beyond it the connection ends.
	mostControl = 4 << 10
	// recordOverhead is more than a record adds to its plaintext.
	recordOverhead = 512
)

// A tlsLayer is TLS in a socket: a tls.Conn over a connection in memory, which is the layer itself. Its Read
// and Write are the system calls of the socket, which do not wait, so that deadlines, wakes and the poller
// stay as they are without TLS. Only in the handshake they wait, as both sides take turns there.
type tlsLayer struct {
	sock     *Socket
	conn     *tls.Conn
	over     func(error) error // of the handshake, see StartTLS; nil once that is done
	security Security

	// Of who reads.
	dry     bool // the kernel had no more when it was asked last
	trustIt bool // and need not be asked again before the poller tells of more

	// Of who writes.
	owed int         // so much plaintext has become waiting, and was not yet told as written
	more atomic.Bool // another record follows at once: what is sent may share its packet (send(2), MSG_MORE)

	mu      sync.Mutex // guards waiting and memory: who reads writes, too, where TLS answers by itself
	waiting []byte     // ciphertext that the kernel has not taken; lies in memory
	memory  *[Record + recordOverhead + mostControl]byte
}

var waitingMemory = sync.Pool{New: func() any { return new([Record + recordOverhead + mostControl]byte) }}

// errNothing says that there is nothing to read yet. It is temporary for crypto/tls, which goes on where it
// was when it is asked again.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing has come yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

var errUnread = errors.New("the peer does not read what TLS has to say")

// get is Socket.get through TLS.
func (t *tlsLayer) get(p []byte) (n int, again bool, err error) {
	n, err = t.conn.Read(p)
	switch {
	case n > 0: // what else was found comes again
		return n, false, nil
	case err == errNothing: //nolint:errorlint // it comes bare
		return 0, true, nil
	}
	return 0, false, err
}

// put is Socket.put through TLS. A record whose ciphertext has not all gone to the kernel counts as not
// written: who writes on offers the rest, in its order, and so the record's plaintext first. That is not
// encrypted again.
func (t *tlsLayer) put(p []byte) (n int, again bool, err error) {
	for n < len(p) {
		switch flushed, err := t.flush(); {
		case err != nil:
			return n, false, err
		case !flushed:
			return n, n == 0, nil
		case t.owed > 0:
			told := min(t.owed, len(p)-n)
			t.owed -= told
			n += told
			continue
		}
		record := p[n:min(n+Record, len(p))]
		t.more.Store(n+len(record) < len(p))
		_, err := t.conn.Write(record)
		if t.more.Store(false); err != nil {
			return n, false, err
		}
		t.owed = len(record)
	}
	return n, false, nil
}

// flush offers the kernel the ciphertext that waits, and reports whether it took all.
func (t *tlsLayer) flush() (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.memory == nil {
		return true, nil
	}
	for len(t.waiting) > 0 {
		n, errno := send(t.sock.fd, t.waiting, 0)
		switch {
		case errno == unix.EAGAIN:
			return false, nil
		case errno != 0:
			return false, os.NewSyscallError("write", errno)
		}
		t.waiting = t.waiting[n:]
	}
	waitingMemory.Put(t.memory)
	t.waiting, t.memory = nil, nil
	return true, nil
}

// Read is how crypto/tls reads from the peer.
func (t *tlsLayer) Read(p []byte) (int, error) {
	if t.over != nil {
		return t.awaitBytes(p)
	}
	if t.dry && t.trustIt {
		return 0, errNothing
	}
	n, again, err := receive(t.sock.fd, p)
	t.dry = again || n < len(p)
	if again {
		return 0, errNothing
	}
	return n, err
}

// Write is how crypto/tls writes to the peer. What the kernel does not take waits.
func (t *tlsLayer) Write(b []byte) (n int, err error) {
	if t.over != nil {
		return t.writeThrough(b)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.memory == nil {
		var errno unix.Errno
		if n, errno = send(t.sock.fd, b, t.flags()); errno != 0 && errno != unix.EAGAIN {
			return 0, os.NewSyscallError("write", errno)
		}
		if n == len(b) {
			return n, nil
		}
		t.memory = waitingMemory.Get().(*[Record + recordOverhead + mostControl]byte)
		t.waiting = t.memory[:0]
	}
	if len(b)-n > cap(t.waiting)-len(t.waiting) {
		return n, errUnread
	}
	t.waiting = append(t.waiting, b[n:]...)
	return len(b), nil
}

func (t *tlsLayer) flags() uintptr {
	if t.more.Load() {
		return unix.MSG_MORE
	}
	return 0
}

// lookAgain has the kernel asked again.
func (t *tlsLayer) lookAgain() { t.dry, t.trustIt = false, false }

// lastWords is how long the last bytes of a connection that ends in order may wait for the peer to take them.
const lastWords = time.Second

// closeWrite tells the peer that nothing more comes (close_notify), behind what still waits.
func (t *tlsLayer) closeWrite() {
	if t.conn.CloseWrite() != nil {
		return
	}
	if flushed, err := t.flush(); flushed || err != nil {
		return
	}
	t.sock.SetWriteDeadline(time.Now().Add(lastWords))
	_ = t.sock.raw.Write(func(uintptr) bool {
		flushed, err := t.flush()
		return flushed || err != nil
	})
	t.sock.SetWriteDeadline(Never)
}

// end gives back what is borrowed.
func (t *tlsLayer) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.memory != nil {
		waitingMemory.Put(t.memory)
		t.waiting, t.memory = nil, nil
	}
}

// What else a net.Conn has, crypto/tls does not use, or not for anything that is wanted here.
func (t *tlsLayer) Close() error                     { return nil }
func (t *tlsLayer) LocalAddr() net.Addr              { return nil }
func (t *tlsLayer) RemoteAddr() net.Addr             { return nil }
func (t *tlsLayer) SetDeadline(time.Time) error      { return nil }
func (t *tlsLayer) SetReadDeadline(time.Time) error  { return nil }
func (t *tlsLayer) SetWriteDeadline(time.Time) error { return nil }
