package proxy

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/wire"
)

const (
	smallFile = 16 << 10 // goes out with its head, in one piece
	sendPiece = 1 << 20  // of a larger one, at most, in one system call
)

// A part is what of a file is sent, and why.
type part struct {
	status int
	from   int64
	n      int64
}

// answerFile answers with a static file and reports whether the connection can go on. Caching is left
// to the validators: there are no headers of ours about it.
func (x *exchange) answerFile() (keep bool) {
	f := x.file
	defer x.closeFile()
	p := f.part(&x.req)
	x.status = p.status
	keep = !x.req.Close && !x.conn.srv.stopping.Load()
	a := x.borrowAnswer()
	a.out = x.appendFileHead(a.out[:0], p, keep)
	if x.req.IsHead() || p.n == 0 {
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
func (x *exchange) sendPart(p part) (err error) {
	a, c := x.answer, x.conn
	if p.n > smallFile {
		if err = c.write(a.out); err == nil {
			x.dropAnswer()
			x.sent, err = c.sendFile(x.file.File, p.from, p.n)
		}
		return err
	}
	head := len(a.out)
	a.out = append(a.out, make([]byte, p.n)...)
	n, err := x.file.ReadAt(a.out[head:], p.from)
	if int64(n) < p.n {
		return err // nothing was sent: the file is shorter than it was a moment ago
	}
	x.sent = p.n
	return c.write(a.out)
}

// part decides what is sent: RFC 9110 sections 13 and 14, with one range at most.
func (f *file) part(r *wire.Request) part {
	whole := part{http.StatusOK, 0, f.size}
	tag := f.tag()
	if match := r.Get(wire.IfNoneMatch); match != nil {
		if hasTag(match, tag) {
			return part{status: http.StatusNotModified}
		}
	} else if since, err := http.ParseTime(string(r.Get(wire.IfModifiedSince))); err == nil && f.modifiedAt(since) {
		return part{status: http.StatusNotModified}
	}
	wanted := r.Get(wire.Range)
	if wanted == nil || r.IsHead() {
		return whole
	}
	if condition := r.Get(wire.IfRange); condition != nil && string(condition) != tag {
		if since, err := http.ParseTime(string(condition)); err != nil || !f.modifiedAt(since) {
			return whole
		}
	}
	from, n, ok := parseRange(wanted, f.size)
	switch {
	case !ok:
		return whole
	case n == 0:
		return part{status: http.StatusRequestedRangeNotSatisfiable}
	}
	return part{http.StatusPartialContent, from, n}
}

// modifiedAt compares exactly, as nginx does: after a rollback a file may be older than the one that
// the client has.
func (f *file) modifiedAt(t time.Time) bool { return f.modified.Unix() == t.Unix() }

// tag is the file's ETag, as nginx writes it.
func (f *file) tag() string {
	return `"` + strconv.FormatInt(f.modified.Unix(), 16) + "-" + strconv.FormatInt(f.size, 16) + `"`
}

// hasTag reports whether an If-None-Match lists tag, by the weak comparison of RFC 9110 section 8.8.3.2.
func hasTag(list []byte, tag string) bool {
	for item := range bytes.SplitSeq(list, []byte(",")) {
		item = bytes.TrimPrefix(bytes.TrimSpace(item), []byte("W/"))
		if string(item) == tag || string(item) == "*" {
			return true
		}
	}
	return false
}

// parseRange reads a Range field with one range of bytes. It reports false for anything else, which is
// to be ignored, and an n of 0 if nothing of the range is there.
func parseRange(field []byte, size int64) (from, n int64, ok bool) {
	spec, ok := strings.CutPrefix(string(field), "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
		return 0, 0, false
	}
	if first == "" {
		n, ok = parsePosition(last)
		n = min(n, size)
		return size - n, n, ok
	}
	from, ok = parsePosition(first)
	to := size - 1
	if ok && last != "" {
		to, ok = parsePosition(last)
		ok = ok && from <= to
	}
	return from, max(0, min(to, size-1)-from+1), ok
}

func parsePosition(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}

func (x *exchange) appendFileHead(b []byte, p part, keep bool) []byte {
	f := x.file
	b = appendStatusLine(b, p.status, []byte(http.StatusText(p.status)))
	b = append(b, "Date: "...)
	b = append(b, x.conn.srv.clock.stamp.Load().header...)
	if p.status != http.StatusRequestedRangeNotSatisfiable {
		b = append(b, "\r\nLast-Modified: "...)
		b = f.modified.UTC().AppendFormat(b, http.TimeFormat)
		b = append(b, "\r\nETag: "+f.tag()...)
	}
	switch p.status {
	case http.StatusOK, http.StatusPartialContent:
		b = append(b, "\r\nContent-Type: "+mediaType(filepath.Ext(f.name))+"\r\nAccept-Ranges: bytes"...)
	case http.StatusRequestedRangeNotSatisfiable:
		b = append(b, "\r\nContent-Range: bytes */"+strconv.FormatInt(f.size, 10)...)
	}
	if p.status == http.StatusPartialContent {
		b = append(b, "\r\nContent-Range: bytes "+strconv.FormatInt(p.from, 10)+"-"+strconv.FormatInt(p.from+p.n-1, 10)+"/"+strconv.FormatInt(f.size, 10)...)
	}
	if p.status != http.StatusNotModified {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, p.n, 10)
	}
	b = append(b, '\r', '\n')
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
