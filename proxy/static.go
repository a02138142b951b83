package proxy

import (
	"io"
	"net/http"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"purser/proxy/files"
	"purser/proxy/wire"
)

const (
	smallFile = 16 << 10 // goes out with its head, in one piece
	sendPiece = 1 << 20  // of a larger one, at most, in one system call
)

// answerFile answers with a static file and reports whether the connection can go on.
func (x *exchange) answerFile() (keep bool) {
	defer x.closeFile()
	p := x.file.Part(&x.req)
	x.status = p.Status
	keep = !x.req.Close && !x.conn.srv.stopping.Load()
	a := x.borrowAnswer()
	a.out = x.appendFileHead(a.out[:0], p, keep)
	if x.req.IsHead() || p.N == 0 {
		return x.conn.write(a.out) == nil && keep
	}
	if err := x.sendPart(p); err != nil {
		x.note("a static file was cut short: " + err.Error())
		return false
	}
	return keep
}

func (x *exchange) closeFile() {
	_ = x.file.Close()
	x.file = nil
}

// sendPart sends the head, which has been gathered, and the part.
func (x *exchange) sendPart(p files.Part) (err error) {
	a, c := x.answer, x.conn
	if p.N > smallFile {
		if err = c.write(a.out); err == nil {
			x.dropAnswer()
			x.sent, err = c.sendFile(x.file.File, p.From, p.N)
		}
		return err
	}
	head := len(a.out)
	a.out = append(a.out, make([]byte, p.N)...)
	n, err := x.file.ReadAt(a.out[head:], p.From)
	if int64(n) < p.N {
		return err // nothing was sent: the file is shorter than it was a moment ago
	}
	x.sent = p.N
	return c.write(a.out)
}

func (x *exchange) appendFileHead(b []byte, p files.Part, keep bool) []byte {
	b = appendStatusLine(b, p.Status, []byte(http.StatusText(p.Status)))
	b = append(b, "Date: "...)
	b = append(append(b, x.conn.srv.clock.stamp.Load().header...), '\r', '\n')
	var fields [5]wire.Field
	b = appendFields(b, x.file.AppendFields(fields[:0], p))
	if p.Status != http.StatusNotModified {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, p.N, 10)
		b = append(b, '\r', '\n')
	}
	return append(x.appendConnection(b, keep), '\r', '\n')
}

// sendFile sends n bytes of a file at the client's speed, straight from the kernel's cache, and returns
// how many went out.
func (c *conn) sendFile(f *os.File, from, n int64) (sent int64, err error) {
	clock := c.srv.clock
	start, src := clock.now(), int(f.Fd())
	defer c.client.disarm()
	for sent < n && err == nil {
		c.client.arm(c.sock, bodyDeadline(clock.now(), start, sent))
		var m int
		var failed error
		err = c.sock.raw.Write(func(fd uintptr) bool {
			at := from + sent
			m, failed = unix.Sendfile(int(fd), src, &at, int(min(n-sent, sendPiece)))
			return failed != unix.EAGAIN
		})
		switch {
		case timedOut(err):
			if !c.client.passed(c.sock) {
				err = nil
			}
		case err == nil && failed == unix.EINTR:
		case err == nil && failed != nil:
			err = os.NewSyscallError("sendfile", failed)
		case err == nil && m == 0:
			err = io.ErrUnexpectedEOF // the file was truncated
		case err == nil:
			sent += int64(m)
		}
	}
	return sent, err
}
