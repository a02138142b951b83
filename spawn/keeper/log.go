package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// logInJSON is the note that says how the keeper's lines look, by being there: like those of a front, which may be gone
// when they are written.
const logInJSON = "log-in-json"

// LogInJSON says whether the keeper's own lines on stderr are in JSON, as this front's are.
func (k *Keeper) LogInJSON(yes bool) error {
	var text []byte
	if yes {
		text = []byte("yes")
	}
	return k.Note(logInJSON, text)
}

// A keeperLog writes to stderr without ever waiting for who reads it: what does not fit is lost.
type keeperLog struct {
	kept  *kept // says how lines look
	lines chan string
	done  chan struct{}
}

func newKeeperLog(all *kept) keeperLog {
	l := keeperLog{all, make(chan string, 64), make(chan struct{})}
	go l.write()
	return l
}

func (l keeperLog) write() {
	defer close(l.done)
	for line := range l.lines {
		fmt.Fprintln(os.Stderr, line)
	}
}

func (l keeperLog) print(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if _, inJSON := l.kept.notes[logInJSON]; inJSON {
		line = jsonLine(line, time.Now())
	} else {
		line = "purser: " + line
	}
	select {
	case l.lines <- line:
	default:
	}
}

// jsonLine is a message as the log of a front has those in JSON.
func jsonLine(message string, at time.Time) string {
	text, _ := json.Marshal(map[string]string{ // of strings: it cannot fail
		"@level": "warn", "@module": "purser.keeper", "@message": message, "@timestamp": at.Format("2006-01-02T15:04:05.000000Z07:00"),
	})
	return string(text)
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
