package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"purser/proxy/wire"
)

// spoolMemory is how much of a body is kept in memory; the rest goes to an unlinked file.
const spoolMemory = 64 << 10

var (
	errBodyTooLarge = errors.New("the body is larger than max_body allows")
	errBodySlow     = errors.New("the body came too slowly")
	errBodyCut      = errors.New("the client ended the connection inside the body")
)

// A spoolError says that a body could not be kept.
type spoolError struct{ err error }

func (e *spoolError) Error() string {
	return "cannot keep a body in " + os.TempDir() + ": " + e.err.Error()
}
func (e *spoolError) Unwrap() error { return e.err }

// newSpoolFile returns a file without a name, in $TMPDIR: it is gone with its descriptor.
func newSpoolFile() (*os.File, error) {
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "spool"), nil
	}
	f, err := os.CreateTemp("", "purser-spool-") // where the file system has no O_TMPFILE
	if err != nil {
		return nil, &spoolError{err}
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, &spoolError{err}
	}
	return f, nil
}

// A requestBody is a request's body, complete: what a process is sent, and sent again if it must be.
type requestBody struct {
	mem      []byte
	file     *os.File // what did not fit into mem; nil if all did
	size     int64
	decoder  wire.Chunked
	trailers []wire.Field // of a chunked body; slices into decoder
}

// chunked reports whether the body must be sent on in chunks, which only trailers need.
func (b *requestBody) chunked() bool { return len(b.trailers) > 0 }

func (b *requestBody) close() {
	if b.file != nil {
		_ = b.file.Close()
		b.file = nil
	}
	if cap(b.mem) > keepBuffer {
		b.mem = nil
	}
	b.mem, b.size, b.trailers = b.mem[:0], 0, nil
}

// reader returns the body from its beginning.
func (b *requestBody) reader() io.Reader {
	mem := bytes.NewReader(b.mem)
	if b.file == nil {
		return mem
	}
	return io.MultiReader(mem, io.NewSectionReader(b.file, 0, b.size-int64(len(b.mem))))
}

func (b *requestBody) write(p []byte) (err error) {
	b.size += int64(len(p))
	if b.file == nil && len(b.mem)+len(p) <= spoolMemory {
		b.mem = append(b.mem, p...)
		return nil
	}
	if b.file == nil {
		if b.file, err = newSpoolFile(); err != nil {
			return err
		}
	}
	if _, err = b.file.Write(p); err != nil {
		return &spoolError{err}
	}
	return nil
}

// readBody takes in the whole body. A client that asked first is told to go on only here, where
// nothing that is known stands against its request (RFC 9110 section 10.1.1).
func (x *exchange) readBody() error {
	limit := x.site.app.MaxBody
	if limit > 0 && x.req.Length > limit {
		return errBodyTooLarge
	}
	x.body.decoder.Reset(wire.ByClient)
	x.roomForBody()
	if x.req.Continue && x.next == x.have {
		if x.site.group.QueueFull() {
			return errFullBeforeBody
		}
		if err := x.conn.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return errBodyCut
		}
	}
	start, moved := x.conn.srv.clock.now(), int64(0)
	for {
		done, err := x.takeBody(limit)
		if done || err != nil {
			x.conn.client.disarm()
			return err
		}
		x.have = x.next // all of it is used up
		x.conn.client.arm(x.conn.sock, bodyDeadline(x.conn.srv.clock.now(), start, moved))
		if err := x.conn.fill(x); err != nil {
			return bodyError(err)
		}
		moved += int64(x.have - x.next)
	}
}

// roomForBody makes the buffer large enough to take a body in few reads.
func (x *exchange) roomForBody() {
	if free := len(x.in) - x.have; free < bodyBuffer/2 && (x.req.Chunked || x.req.Length > int64(free)) {
		grown := make([]byte, x.have+bodyBuffer)
		copy(grown, x.in[:x.have])
		x.in = grown // the head goes on to live in the old one
	}
}

func bodyError(err error) error {
	if timedOut(err) {
		return errBodySlow
	}
	return fmt.Errorf("%w: %w", errBodyCut, err)
}

// takeBody moves what has come of the body out of the buffer, and reports whether that was the last
// of it. Then next is where the next request begins.
func (x *exchange) takeBody(limit int64) (done bool, err error) {
	b := &x.body
	if !x.req.Chunked {
		n := int(min(int64(x.have-x.next), x.req.Length-b.size))
		if err := b.write(x.in[x.next : x.next+n]); err != nil {
			return false, err
		}
		if b.size == x.req.Length {
			x.next += n
			return true, nil
		}
		return false, nil
	}
	for at := x.next; at < x.have; {
		data, n, err := b.decoder.Next(x.in[at:x.have])
		if err != nil {
			return false, err
		}
		at += n
		if limit > 0 && b.size+int64(len(data)) > limit {
			return false, errBodyTooLarge
		}
		if err := b.write(data); err != nil {
			return false, err
		}
		if b.decoder.Done() {
			x.next = at
			b.trailers = b.decoder.Trailers
			return true, nil
		}
	}
	return false, nil
}

// A sender sends a body to a process while the answer is read.
type sender struct {
	link *socket
	done chan struct{}
	err  error // once done is closed
}

// startSender sends first and then the body, unless all of it is in first.
func startSender(link *socket, first []byte, b *requestBody, whole bool) *sender {
	s := &sender{link: link, done: make(chan struct{})}
	go s.run(first, b, whole)
	return s
}

func (s *sender) run(first []byte, b *requestBody, whole bool) {
	defer close(s.done)
	if s.err = s.link.writeAll(first); s.err == nil && !whole {
		s.err = s.writeBody(b)
	}
}

// writeBody sends the body as it is, or in chunks if trailers follow it.
func (s *sender) writeBody(b *requestBody) error {
	content := b.reader()
	buf := make([]byte, bodyBuffer)
	for {
		n, err := content.Read(buf)
		piece := buf[:n]
		if b.chunked() && n > 0 {
			piece = slices.Concat(strconv.AppendInt(nil, int64(n), 16), []byte("\r\n"), piece, []byte("\r\n"))
		}
		if err := s.link.writeAll(piece); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if b.chunked() {
		return s.link.writeAll(appendTrailers([]byte("0\r\n"), b.trailers))
	}
	return nil
}

// join ends the sending and reports whether all was sent before. A process that answered without
// reading everything cannot be asked again on that connection.
func (s *sender) join(link *socket) bool {
	select {
	case <-s.done:
	default:
		_ = unix.Shutdown(int(link.fd), unix.SHUT_RDWR)
		<-s.done
		return false
	}
	return s.err == nil
}
