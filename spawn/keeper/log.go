package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A keeperLog writes to stderr without ever waiting for who reads it: what does not fit is lost.
type keeperLog struct {
	lines chan string
	done  chan struct{}
}

func newKeeperLog() keeperLog {
	l := keeperLog{make(chan string, 64), make(chan struct{})}
	go l.write()
	return l
}

func (l keeperLog) write() {
	defer close(l.done)
	for line := range l.lines {
		fmt.Fprintln(os.Stderr, "purser:", line)
	}
}

func (l keeperLog) print(format string, args ...any) {
	select {
	case l.lines <- fmt.Sprintf(format, args...):
	default:
	}
}

func (l keeperLog) close() {
	close(l.lines)
	select {
	case <-l.done:
	case <-time.After(lastWords):
	}
}

// signalName is its name without SIG.
func signalName(s syscall.Signal) string { return strings.TrimPrefix(unix.SignalName(s), "SIG") }
