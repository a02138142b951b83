package log

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	mostHeld = 4 << 20  // bytes that wait in a room; more are dropped
	flushAt  = 64 << 10 // bytes gathered before they are written at once
	mostKept = 1 << 20  // bytes of memory that is used again
	retryBad = 250 * time.Millisecond
)

// A room is how many bytes wait in the sinks that share it.
type room struct{ held atomic.Int64 }

func (r *room) take(n int) bool {
	if r.held.Add(int64(n)) > mostHeld {
		r.held.Add(-int64(n))
		return false
	}
	return true
}

func (r *room) give(n int) { r.held.Add(-int64(n)) }

// A Sink is a queue of lines on their way to one target. Add and Write may be called by anybody at any
// time, and never wait.
type Sink struct {
	log  *Log
	name string // as messages show it
	own  bool   // purser's own messages go there: nothing can be said of it elsewhere
	room *room

	unused atomic.Bool // the configuration names it no more; changes with the log's mu held

	mu     sync.Mutex // guards what follows; nothing is written under it
	buf    []byte     // whole lines
	lost   int64      // lines dropped, of which nothing was said yet
	ever   int64      // the lines dropped before
	closed bool       // the writer does not know it any more, and its target is closed

	waiting int64         // lines that are not written
	sum     *atomic.Int64 // of those of all sinks

	// The rest is the writer's alone.
	target  target
	rest    []byte // what is being written
	memory  []byte // which rest is the end of
	begun   bool   // the first line of rest has been written in part
	trouble bool   // it was said that lines cannot be written
	gone    bool   // nobody has read the last that was to be written, or will
	again   time.Time
}

var lineEnd = []byte{'\n'}

// Add hands over whole lines. They are copied.
func (s *Sink) Add(line []byte) {
	s.mu.Lock()
	if !s.room.take(len(line)) {
		s.lost++
		s.mu.Unlock()
		return
	}
	s.wait(int64(bytes.Count(line, lineEnd)))
	first := len(s.buf) == 0
	s.buf = append(s.buf, line...)
	enough, again := len(s.buf) >= flushAt, s.closed
	s.closed = false
	s.mu.Unlock()
	if again {
		s.log.takeBack(s)
	}
	if enough {
		leaveWord(s.log.soon)
	} else if first {
		leaveWord(s.log.later)
	}
}

// Write is Add for a message that somebody may wait to see.
func (s *Sink) Write(message []byte) (int, error) {
	s.Add(message)
	leaveWord(s.log.soon)
	return len(message), nil
}

// colored is a sink of coloured messages, which end their colour only after the line: that belongs into it.
type colored struct{ *Sink }

func (c colored) Write(message []byte) (int, error) {
	const end = "\x1b[0m"
	if line, ok := bytes.CutSuffix(message, []byte("\n"+end)); ok {
		message = append(line[:len(line):len(line)], end+"\n"...)
	}
	return c.Sink.Write(message)
}

// take makes what was gathered the rest.
func (s *Sink) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.memory[:0]
	if cap(next) > mostKept {
		next = nil
	}
	s.rest, s.memory, s.buf = s.buf, s.buf, next
}

// flush writes as much as goes without waiting, and reports whether something is left.
func (s *Sink) flush(now time.Time) (left bool) {
	if now.Before(s.again) {
		return true
	}
	if len(s.rest) == 0 {
		s.take()
	}
	for len(s.rest) > 0 {
		n, err := s.target.write(s.rest)
		s.wrote(n)
		s.gone = errors.Is(err, errGone)
		switch {
		case err == nil, errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if s.hasLost() {
				s.complain(errUnread)
			}
			return true
		case s.gone:
			s.drop()
			s.complain(err)
			return false
		default:
			s.again = now.Add(retryBad)
			s.complain(err)
			return true
		}
	}
	s.again = time.Time{}
	if !s.own || !s.gone { // what was lost is not said to the reader who has gone: it would be lost, too
		s.recover()
	}
	return false
}

// wrote takes note of bytes that are written.
func (s *Sink) wrote(n int) {
	if n <= 0 {
		return
	}
	s.settle(s.rest[:n], 0)
	s.begun = s.rest[n-1] != '\n'
	s.rest = s.rest[n:]
	s.room.give(n)
}

// drop gives up what is being written: nobody will read it.
func (s *Sink) drop() {
	s.settle(s.rest, 1)
	s.room.give(len(s.rest))
	s.rest, s.begun = nil, false
}

// dropBegun gives up the rest of a line that was written in part.
func (s *Sink) dropBegun() {
	if !s.begun {
		return
	}
	n := bytes.IndexByte(s.rest, '\n') + 1
	s.settle(s.rest[:n], 1)
	s.rest, s.begun = s.rest[n:], false
	s.room.give(n)
}

// settle takes note of lines that do not wait any more: they are written, or lost.
func (s *Sink) settle(text []byte, lost int64) {
	lines := int64(bytes.Count(text, lineEnd))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait(-lines)
	s.lost += lost * lines
}

// wait counts lines that wait. It is called with mu held.
func (s *Sink) wait(lines int64) {
	s.waiting += lines
	s.sum.Add(lines)
}

// countIn has its lines counted in another sum.
func (s *Sink) countIn(sum *atomic.Int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Add(-s.waiting)
	s.sum = sum
	s.sum.Add(s.waiting)
}

// complain says once that lines cannot be written, if there is another place to say it.
func (s *Sink) complain(err error) {
	if !s.trouble && !s.own {
		s.log.Error("cannot write a log, its lines wait while there is room, then they are lost", "log", s.name, "error", err)
	}
	s.trouble = true
}

// recover says how many lines were lost, once all that waited is written.
func (s *Sink) recover() {
	s.mu.Lock()
	if len(s.buf) > 0 {
		s.mu.Unlock()
		return
	}
	lost := s.lost
	s.lost = 0
	s.ever += lost
	s.mu.Unlock()
	switch {
	case lost > 0:
		s.log.Warn("log lines were lost", "log", s.name, "lines", lost)
	case s.trouble && !s.own:
		s.log.Info("a log can be written again, nothing was lost", "log", s.name)
	}
	s.trouble = false
}

func (s *Sink) hasLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost > 0
}

func (s *Sink) lostSoFar() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ever + s.lost
}

// reopen goes on in the file that has the name now. A line that was begun ends in the old file or
// nowhere.
func (s *Sink) reopen(r Rules) {
	if s.begun {
		n, _ := s.target.write(s.rest[:bytes.IndexByte(s.rest, '\n')+1])
		s.wrote(n)
		s.dropBegun()
	}
	if err := s.target.reopen(r); err != nil {
		s.log.Error("cannot open a log again, going on with the old file", "log", s.name, "error", err)
	}
	s.again = time.Time{}
}

func (s *Sink) end() {
	s.drop()
	s.target.close()
}
