package proxy

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/proxy/sock"
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
	on   bool
	wake chan struct{} // holds one: there is enough to write
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex // guards what follows; nothing is written under it
	buf     []byte
	spare   []byte
	dropped int

	file   sync.Mutex // guards what follows: who writes to it, and who replaces it
	out    *os.File
	closed bool // out is the last one
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
	l.on = true
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
	t := time.NewTicker(sock.Tick)
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
	return l.writeTo(f).Close()
}

// writeTo goes on in another file, and returns the one to close.
func (l *accessLog) writeTo(f *os.File) (old *os.File) {
	l.file.Lock()
	defer l.file.Unlock()
	if l.closed {
		return f
	}
	old, l.out = l.out, f
	return old
}

// settle says that the file is the last one. It reports false if that was said before.
func (l *accessLog) settle() bool {
	l.file.Lock()
	defer l.file.Unlock()
	was := l.closed
	l.closed = true
	return !was
}

// close writes the last lines.
func (l *accessLog) close() error {
	if !l.on || !l.settle() {
		return nil
	}
	close(l.quit)
	<-l.done
	if l.path == "" {
		return nil
	}
	if err := l.out.Close(); err != nil {
		return fmt.Errorf("cannot close the access log: %w", err)
	}
	return nil
}

// signal leaves word in a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
