package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/wire"
)

const (
	logFlushAt = 64 << 10 // bytes gathered before they are written at once
	logMost    = 16 << 20 // bytes held for a disk that does not keep up; more are dropped and counted
)

// An accessLog writes a line for each request. Lines are formatted by those who write them, appended
// under a lock that is held for no longer than that, and written by a goroutine.
type accessLog struct {
	log  hclog.Logger
	path string // "" = off or stderr
	json bool
	wake chan struct{} // holds one: there is enough to write
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex // guards what follows; nothing is written under it
	buf     []byte
	spare   []byte
	dropped int

	file sync.Mutex // guards out: who writes to it, and who replaces it
	out  *os.File   // nil = off
}

func openAccessLog(target, format string, log hclog.Logger) (*accessLog, error) {
	l := &accessLog{log: log.Named("access"), json: format == "json",
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	switch target {
	case "off", "":
		close(l.done)
		return l, nil
	case "stderr":
		l.out = os.Stderr
	default:
		l.path = target
		f, err := openLogFile(target)
		if err != nil {
			return nil, err
		}
		l.out = f
	}
	go l.run()
	return l, nil
}

func openLogFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the access log: %w", err)
	}
	return f, nil
}

func (l *accessLog) on() bool { return l.out != nil }

// add appends a line.
func (l *accessLog) add(line []byte) {
	l.mu.Lock()
	if len(l.buf)+len(line) > logMost {
		l.dropped++
		l.mu.Unlock()
		return
	}
	l.buf = append(l.buf, line...)
	enough := len(l.buf) >= logFlushAt
	l.mu.Unlock()
	if enough {
		signal(l.wake)
	}
}

func (l *accessLog) run() {
	defer close(l.done)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-l.wake:
		case <-t.C:
		case <-l.quit:
			l.flush()
			return
		}
		l.flush()
	}
}

// flush writes what has been gathered.
func (l *accessLog) flush() {
	l.mu.Lock()
	buf, dropped := l.buf, l.dropped
	l.buf, l.spare, l.dropped = l.spare[:0], nil, 0
	l.mu.Unlock()
	if dropped > 0 {
		l.log.Warn("access log lines were dropped, its disk does not keep up", "lines", dropped)
	}
	if len(buf) > 0 {
		l.file.Lock()
		if _, err := l.out.Write(buf); err != nil {
			l.log.Error("cannot write the access log", "error", err)
		}
		l.file.Unlock()
	}
	l.mu.Lock()
	l.spare = buf
	l.mu.Unlock()
}

// reopen opens the file anew, after it was renamed by a log rotation.
func (l *accessLog) reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := openLogFile(l.path)
	if err != nil {
		return err
	}
	l.flushInto(f)
	return nil
}

func (l *accessLog) flushInto(f *os.File) {
	l.file.Lock()
	defer l.file.Unlock()
	old := l.out
	l.out = f
	_ = old.Close()
}

// close writes the last lines.
func (l *accessLog) close() error {
	if !l.on() {
		return nil
	}
	close(l.quit)
	<-l.done
	if l.path == "" {
		return nil
	}
	if err := l.out.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("cannot close the access log: %w", err)
	}
	return nil
}

// log writes the exchange's line.
func (x *exchange) log() {
	l := x.conn.srv.access
	if !l.on() || x.status == 0 {
		return
	}
	a := x.borrowAnswer()
	if l.json {
		a.log = x.appendJSONLine(a.log[:0])
	} else {
		a.log = x.appendCombined(a.log[:0])
	}
	l.add(a.log)
}

// appendCombined appends a line in the combined log format.
func (x *exchange) appendCombined(b []byte) []byte {
	b = append(b, x.clientText()...)
	b = append(b, " - - ["...)
	b = append(b, x.conn.srv.clock.stamp.Load().log...)
	b = append(b, `] "`...)
	if len(x.req.Target) > 0 {
		b = appendEscaped(b, x.req.Method)
		b = append(b, ' ')
		b = appendEscaped(b, x.req.Target)
		b = append(b, " HTTP/1."...)
		b = strconv.AppendInt(b, int64(x.req.Minor), 10)
	} else {
		b = append(b, '-')
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.sent, 10)
	var referer, agent []byte
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; f.ID {
		case wire.Referer:
			referer = f.Value
		case wire.UserAgent:
			agent = f.Value
		}
	}
	b = append(b, ` "`...)
	b = appendEscaped(b, orDash(referer))
	b = append(b, `" "`...)
	b = appendEscaped(b, orDash(agent))
	return append(b, '"', '\n')
}

func orDash(b []byte) []byte {
	if len(b) == 0 {
		return []byte("-")
	}
	return b
}

// appendEscaped appends text from a stranger so that it can end neither its quotes nor its line.
func appendEscaped(b, text []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b = append(b, '\\', 'x', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendJSONLine appends a line as a JSON object; times are in milliseconds.
func (x *exchange) appendJSONLine(b []byte) []byte {
	now := x.conn.srv.clock.exact()
	b = append(b, `{"time":"`...)
	b = x.conn.srv.clock.wall(now).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","remote":`...)
	b = appendJSON(b, x.clientText())
	b = appendMember(b, "request_id", x.requestID())
	b = appendMember(b, "method", x.req.Method)
	b = appendMember(b, "host", x.req.Host)
	b = appendMember(b, "target", x.req.Target)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, x.sent, 10)
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, float64(now-x.began)/1e6, 'f', 3, 64)
	b = append(b, `,"queue_ms":`...)
	b = strconv.AppendFloat(b, float64(x.queued)/1e6, 'f', 3, 64)
	if x.site != nil {
		b = appendMember(b, "app", x.site.app.Name)
	}
	if x.served != nil {
		b = append(b, `,"pid":`...)
		b = strconv.AppendInt(b, int64(x.served.Child().PID()), 10)
		b = append(b, `,"generation":`...)
		b = strconv.AppendInt(b, int64(x.served.Generation()), 10)
	}
	if x.reason != "" {
		b = appendMember(b, "error", x.reason)
	}
	b = appendMember(b, "referer", x.req.Get(wire.Referer))
	b = appendMember(b, "user_agent", x.req.Get(wire.UserAgent))
	return append(b, '}', '\n')
}

func appendMember[T []byte | string](b []byte, name string, value T) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendJSON(b, value)
}

// appendJSON appends a JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD.
func appendJSON[T []byte | string](b []byte, text T) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for s := string(text); len(s) > 0; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
		s = s[n:]
	}
	return append(b, '"')
}
