// Package log writes all that purser writes while it serves: its own messages, the access log, and what
// apps print.
//
// Nobody waits for a log. Who has a line hands it to a Sink, which holds at most 4 MiB, and goes on. One
// goroutine writes, and it waits for nothing but disks: a reader of stderr that does not read holds up
// nothing else. Lines that find no room are dropped, the newest first, and counted; the count is said
// once, when lines are written again. A file or a pipe gets whole lines only.
//
// A reader that has gone (SIGPIPE) does not end purser. The signal is handled, not ignored: an ignored
// signal would be inherited by every child.
//
// Several fronts of purser may write to the same files side by side, each in whole lines. One of them owns the files: it
// alone moves them aside; the others follow.
package log

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/restart/disk"
)

const (
	gather     = 100 * time.Millisecond // how long lines may wait for others before they are written
	retry      = 50 * time.Millisecond  // how long a reader that does not read is waited for at a time
	stopWithin = 2 * time.Second        // how long Close waits for it
)

// Config is what a Log needs to know.
type Config struct {
	Server conf.Server
	Apps   []conf.App // whose folders are not to be trusted by root
	Stderr io.Writer
	Stdout io.Writer
	Color  bool // purser's own messages, in text, are in colours

	// Handed returns another descriptor of a log that was opened for us, -1 if there is none: of what we may not open
	// ourselves. It may be nil.
	Handed func(path string) int

	// Disk is the way to what the user of an app owns; nil = disk.Own for all.
	Disk func(conf.App) disk.Disk
}

// A Log writes lines. It is the hclog.Logger of purser's own messages. Use New, and Close at the end.
type Log struct {
	hclog.Logger
	stderr *Sink
	apps   room          // that all files of apps share
	soon   chan struct{} // holds one: there is something to write now
	later  chan struct{} // holds one: there is something to write, which may wait for more
	quit   chan struct{}
	done   chan struct{}
	tidy   sync.WaitGroup // those who remove old files after a rotation

	mu      sync.Mutex // guards what follows; held for no longer than it takes to look
	cfg     Config
	sinks   []*Sink       // never changed, but replaced: who writes has taken it
	stale   bool          // files are to be opened again
	waiting *atomic.Int64 // lines that are not written

	inJSON  atomic.Bool  // purser's own messages are
	follows atomic.Bool  // another process moves files aside
	moving  atomic.Int32 // files that are being moved aside
}

// handleSIGPIPE has a write to a pipe that nobody reads fail, instead of ending the process. It lasts:
// what is said after the log is closed shall not end purser either.
var handleSIGPIPE = sync.OnceFunc(func() { signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE) })

// New begins to write to stderr. Files are opened by Access and App.
func New(c Config) *Log {
	handleSIGPIPE()
	l := &Log{cfg: c, waiting: &atomic.Int64{}, soon: make(chan struct{}, 1), later: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	l.stderr = l.add("stderr", streamOf(c.Stderr), &room{})
	l.stderr.own = true
	l.inJSON.Store(c.Server.LogFormat == "json")
	l.Logger = l.messages("purser", hclog.LevelFromString(c.Server.LogLevel), c.Color, l.stderr)
	go l.run()
	return l
}

// Change has another configuration hold, for what is open as well.
func (l *Log) Change(server conf.Server, apps []conf.App) {
	l.mu.Lock()
	l.cfg.Server, l.cfg.Apps = server, apps
	l.mu.Unlock()
	l.SetLevel(hclog.LevelFromString(server.LogLevel))
	l.inJSON.Store(server.LogFormat == "json")
	l.Reopen()
}

// OpenedBy has files that we may not open come from who has opened them for us.
func (l *Log) OpenedBy(handed func(path string) int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cfg.Handed = handed
}

// Disks has logs below the folders of apps be opened by the ways to what their users own, from now on. Before, disk.Own
// is the way to all.
func (l *Log) Disks(choose func(conf.App) disk.Disk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cfg.Disk = choose
}

// disk is the way to what the user of an app owns.
func (l *Log) disk(app conf.App) disk.Disk {
	if choose := l.config().Disk; choose != nil {
		return choose(app)
	}
	return disk.Own
}

func (l *Log) config() Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg
}

// messages is a logger that writes to a sink, in text or in JSON.
func (l *Log) messages(name string, level hclog.Level, color bool, s *Sink) hclog.Logger {
	o := hclog.LoggerOptions{Name: name, Level: level, JSONEscapeDisabled: true, Color: hclog.ColorOff, Output: s}
	inJSON := o
	inJSON.JSONFormat = true
	if color {
		o.Color, o.Output = hclog.ForceColor, colored{s}
	}
	return plain{hclog.New(&o), hclog.New(&inJSON), &l.inJSON}
}

// add has what is given to the sink written to a target.
func (l *Log) add(name string, t target, r *room) *Sink {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &Sink{log: l, name: name, target: t, room: r, sum: l.waiting}
	l.sinks = append(l.sinks[:len(l.sinks):len(l.sinks)], s)
	return s
}

func (l *Log) all() []*Sink {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sinks
}

// Reopen has all files opened again, after they were moved by a log rotation. It returns at once; a file
// that cannot be opened is said, and its lines go to the old one.
func (l *Log) Reopen() {
	l.mu.Lock()
	l.stale = true
	l.mu.Unlock()
	leaveWord(l.soon)
}

func (l *Log) takeStale() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.stale
	l.stale = false
	return was
}

// Lost is how many lines of each log were dropped so far, by the log's name.
func (l *Log) Lost() map[string]int64 {
	lost := map[string]int64{}
	for _, s := range l.all() {
		lost[s.name] = s.lostSoFar()
	}
	return lost
}

// CountIn has the lines that were handed over and are not written counted where somebody finds the number if this
// process crashes.
func (l *Log) CountIn(waiting *atomic.Int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = waiting
	for _, s := range l.sinks {
		s.countIn(waiting)
	}
}

// Close writes what is left and closes the files. It waits at most 2 s for whoever does not read.
func (l *Log) Close() {
	close(l.quit)
	timer := time.NewTimer(stopWithin + gather)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C: // a disk does not answer: it is left behind, with the goroutine that waits for it
	}
}

// leaveWord leaves word in a channel that holds one.
func leaveWord(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
