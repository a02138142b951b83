// Package spool keeps what cannot go on yet: the bodies of requests until a process is asked, and
// answers that their clients take slowly. It is memory first, then a file without a name, with a cap
// over all memory and one over all files.
package spool

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/proxy/sock"
)

// Memory is how much of one request or answer is kept in memory; the rest goes to a file.
const Memory = 64 << 10

const (
	lookAgain = 10 * time.Second // how old what is known of the file system may be
	window    = 30 * time.Second // over which it is counted who is slow
	still     = 5 * time.Second  // without a byte, and a client is slow all the same
)

var (
	// ErrFull says that all files together have reached the cap, and that no slower one is left to
	// give way; or that this one had to.
	ErrFull = errors.New("the spool is full")

	// ErrTooLarge says that something is larger than half the file system.
	ErrTooLarge = errors.New("it is larger than half of the file system of the spool")
)

// A Spool is the files of all requests, and their cap. When it is reached, those whose clients move
// the fewest bytes give way first.
type Spool struct {
	limit  func(room int64) int64 // room is what is free and what the spool holds
	clock  *sock.Clock
	memory memory

	// Kept reports whether the descriptor of a new file is kept for others; nil = none is. It is set before the spool
	// is used.
	Kept func(fd uintptr) bool

	mu      sync.Mutex // guards what follows, and all claims; no file is read or written under it
	claims  map[*claim]bool
	held    int64 // bytes in all files
	most    int64 // that there may be
	largest int64 // that one may have
	looked  int64 // when both were worked out; 0 = not yet
}

// New returns a spool whose files lie in $TMPDIR. Limit says how many bytes they may have of the room there is,
// memory how many may be in memory.
func New(limit func(room int64) int64, memory int64, clock *sock.Clock) *Spool {
	s := &Spool{limit: limit, clock: clock, claims: make(map[*claim]bool)}
	s.SetMemory(memory)
	s.look() // who comes while it is looked again goes on with this
	return s
}

// SetLimit has Limit be another, as New has it.
func (s *Spool) SetLimit(limit func(room int64) int64) {
	s.mu.Lock()
	s.limit, s.looked = limit, 0
	s.mu.Unlock()
	s.look()
}

// Use returns how many bytes all files hold, and how many they may.
func (s *Spool) Use() (held, most int64) {
	s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, s.most
}

// look works out the cap anew if what is known is old.
func (s *Spool) look() {
	now := s.clock.Now()
	s.mu.Lock()
	due := s.looked == 0 || now-s.looked > int64(lookAgain)
	if due {
		s.looked = now // the others go on with what is known
	}
	s.mu.Unlock()
	if !due {
		return
	}
	free, size := int64(1<<62), int64(1<<62) // unless the file system tells: then writing will
	var fs unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &fs); err == nil {
		free, size = int64(fs.Bavail)*fs.Bsize, int64(fs.Blocks)*fs.Bsize
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most, s.largest = s.limit(free+s.held), size/2
}

// A claim is what one file holds of the spool. It is guarded by the spool's mutex.
type claim struct {
	file    *os.File
	held    int64
	since   int64 // when the present window began; 0 = nothing was claimed yet
	moved   int64 // bytes of the client's in it
	last    int64 // when its client last moved any
	before  int64 // and in the one before
	old     bool  // it has lived for a window
	settled bool  // it waits for us, not for its client: it never gives way
	dropped bool  // it gave way: its owner finds out when it adds or reads
}

// grow lets a claim hold n bytes more. Others may have to give way.
func (s *Spool) grow(c *claim, n int64) error {
	s.look()
	s.mu.Lock()
	given, err := s.makeRoom(c, n, s.clock.Now())
	s.mu.Unlock()
	for _, f := range given {
		_ = f.Truncate(0)
	}
	return err
}

// makeRoom is grow with mu held. It returns the files that have to give their bytes back.
func (s *Spool) makeRoom(c *claim, n, now int64) (given []*os.File, err error) {
	switch {
	case c.dropped:
		return nil, ErrFull
	case c.held+n > s.largest:
		return nil, ErrTooLarge
	}
	for s.held+n > s.most {
		slowest := s.slowest(c, now)
		if slowest == nil {
			return given, ErrFull
		}
		given = append(given, slowest.file)
		if s.drop(slowest); slowest == c {
			return given, ErrFull
		}
	}
	if s.claims[c] = true; c.since == 0 {
		c.since, c.last = now, now
	}
	s.held += n
	c.held += n
	return given, nil
}

// slowest returns the claim whose client moved the fewest bytes in the last window. That is c itself, which
// needs room, if all others were faster; with no other it is none, and c may wait.
func (s *Spool) slowest(c *claim, now int64) (slowest *claim) {
	for other := range s.claims {
		other.turn(now)
		if other != c && other.judged(now) && !other.settled && (slowest == nil || other.rate() < slowest.rate()) {
			slowest = other
		}
	}
	if slowest != nil && c.judged(now) && c.rate() < slowest.rate() {
		return c
	}
	return slowest
}

func (s *Spool) drop(c *claim) {
	c.dropped = true
	s.release(c)
}

func (s *Spool) release(c *claim) {
	s.held -= c.held
	c.held = 0
	delete(s.claims, c)
}

// turn begins a new window if the present one is over.
func (c *claim) turn(now int64) {
	switch past := now - c.since; {
	case past < int64(window):
		return
	case past < 2*int64(window):
		c.before = c.moved
	default:
		c.before = 0
	}
	c.moved, c.since, c.old = 0, now, true
}

// judged reports whether it is known how slow its client is: after a window, or sooner if it has stopped.
func (c *claim) judged(now int64) bool { return c.old || c.last != 0 && now-c.last > int64(still) }

func (c *claim) rate() int64 { return c.moved + c.before }
