package spool

import (
	"errors"
	"sync"

	"purser/proxy/fault"
	"purser/proxy/sock"
)

const (
	// outboxMost is how much of an answer a slow client may have waiting in a file. Beyond it the process
	// is made to wait.
	outboxMost = 1 << 30

	// StreamMost is how much of an event stream may wait for a client that does not read it.
	StreamMost = 1 << 20

	// piece is how much is handed on at a time. For each the client has its time. With the heads of two frames of
	// HTTP/2 it fills two records of TLS.
	piece = 2 * (sock.Record - 9)

	// beside is what an answer that waits costs beside its content: the stacks of two goroutines, and all that is
	// known of its request.
	beside = 16 << 10

	// little is what an answer may have in memory though none is left, if it can be nowhere else.
	little = 4 << 10
)

// ErrUnread says that a client does not read its event stream.
var ErrUnread = errors.New("the client does not read its event stream")

var errFault = errors.New("what is kept cannot be handed on, by a fault in purser")

// A Taker is a client, who takes an answer at its own speed.
type Taker interface {
	// Await waits until the client takes something, and says how much about. Moved bytes have gone since start of
	// what it was to take then: an error says that this takes too long, or that the client is gone.
	Await(start, moved int64) (most int, err error)

	// Take hands on what goes without waiting.
	Take(p []byte) (n int, err error)
}

// An Outbox holds the part of an answer that the process has given and the client has not taken. Its owner
// writes. It is handed on by a goroutine of its own once that is started, and else by Finish.
type Outbox struct {
	spool   *Spool
	client  Taker
	warn    func(error)   // nil once it was told
	done    chan struct{} // closed when all was handed on, or nothing more is
	more    chan struct{} // holds one: something was added, or the end is known
	room    chan struct{} // holds one: something was taken
	started bool          // there is a goroutine
	fault   fault.Fault   // of it

	mu    sync.Mutex // guards what follows; the file and the client are written outside it
	mem   []byte     // counted by its capacity. What was not handed on is never moved but by who hands on
	at    int        // so much of it was handed on
	file  file
	most  int64
	hard  bool  // more than that is an error
	wrote int64 // bytes ever written to the file
	read  int64 // and read from it
	full  bool  // the file cannot take more: the process waits for the client instead
	ended bool
	err   error // of the client, or the owner's reason to cut
}

// NewOutbox returns an outbox that begins with a copy of first. Warn is told once if the spool takes no more.
// Finish must be called.
func NewOutbox(s *Spool, first []byte, client Taker, warn func(error)) *Outbox {
	o := &Outbox{
		spool:  s,
		client: client,
		warn:   warn,
		done:   make(chan struct{}),
		more:   make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		most:   outboxMost,
		file:   file{spool: s, claim: &claim{since: s.clock.Now()}},
	}
	s.memory.force(beside)
	o.begin(first)
	return o
}

// begin keeps what the client did not take at once: in memory, in the file if there is none left, and in memory
// after all if that takes nothing.
func (o *Outbox) begin(first []byte) {
	if !o.spool.memory.take(len(first)) {
		if n, _ := o.spill(first, 0); n == len(first) {
			return
		}
		o.wrote = 0
		o.spool.memory.force(len(first))
	}
	o.mem = append(make([]byte, 0, len(first)), first...)
}

// Start has it handed on while the owner writes.
func (o *Outbox) Start() {
	o.started = true
	go o.run()
}

// Limit makes it an error to have more than n bytes waiting.
func (o *Outbox) Limit(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.most, o.hard = n, true
}

// Narrow has what waits lie in memory alone: who writes more than that waits for the client.
func (o *Outbox) Narrow() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.most, o.hard = 0, false
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Write adds b, waiting only if neither memory nor disk has room. The error says why the client gets no
// more. The outbox must have been started.
func (o *Outbox) Write(b []byte) error {
	for len(b) > 0 {
		switch n, err := o.add(b); {
		case err != nil:
			return err
		case n > 0:
			b = b[n:]
			signal(o.more)
		default:
			select {
			case <-o.room:
			case <-o.done:
				return o.failure()
			}
		}
	}
	return nil
}

// add takes what it can of b.
func (o *Outbox) add(b []byte) (n int, err error) {
	o.mu.Lock()
	spilled, waiting := o.read < o.wrote, o.wrote-o.read
	if o.err != nil {
		o.mu.Unlock()
		return 0, o.err
	}
	if n = o.keep(b); n > 0 {
		o.mu.Unlock()
		return n, nil
	}
	switch {
	case o.hard && waiting+int64(len(b)) > o.most:
		o.mu.Unlock()
		return 0, ErrUnread
	case o.full || waiting >= o.most:
		n = o.keepLittle(b)
		o.mu.Unlock()
		return n, nil
	}
	if !spilled {
		o.wrote, o.read = 0, 0 // begin the file anew
	}
	at, done := o.wrote, o.read
	o.mu.Unlock()
	if spilled {
		o.file.forget(done)
	} else {
		o.file.empty()
	}
	if n, err = o.spill(b, at); n > 0 || err != nil {
		return n, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keepLittle(b), nil
}

// keep keeps in memory what it may of b: nothing while there is something in the file, which comes after what is in
// memory. It is called with mu held.
func (o *Outbox) keep(b []byte) (n int) {
	if o.read < o.wrote {
		return 0
	}
	n = min(len(b), Memory-len(o.mem))
	if n <= 0 {
		return 0
	}
	if need := len(o.mem) + n; need > cap(o.mem) && !o.enlarge(min(max(need, 2*cap(o.mem)), Memory)) {
		n = min(n, cap(o.mem)-len(o.mem))
	}
	o.mem = append(o.mem, b[:n]...)
	return n
}

// keepLittle keeps a little of b in memory if nothing else waits: for the room that it takes nobody would wait. It is
// called with mu held.
func (o *Outbox) keepLittle(b []byte) (n int) {
	if len(o.mem) > 0 || o.read < o.wrote {
		return 0
	}
	n = min(len(b), little)
	o.spool.memory.force(n)
	o.mem = append(make([]byte, 0, n), b[:n]...)
	return n
}

// enlarge makes the memory as large, and reports false if there is not so much left.
func (o *Outbox) enlarge(size int) bool {
	if !o.spool.memory.take(size - cap(o.mem)) {
		return false
	}
	o.mem = append(make([]byte, 0, size), o.mem...)
	return true
}

// spill writes b to the file at an offset that nobody reads yet. Only the owner calls it. The error is
// ErrFull if what waits had to give way to others: then nobody waits for its client any more.
func (o *Outbox) spill(b []byte, at int64) (int, error) {
	n, err := o.file.writeAt(b, at)
	o.mu.Lock()
	o.wrote = at + int64(n)
	o.full = err != nil
	o.mu.Unlock()
	switch {
	case err == nil:
	case o.file.dropped():
		return n, ErrFull
	case o.warn != nil:
		o.warn(err)
		o.warn = nil
	}
	return n, nil
}

// Abort ends the outbox: what is still in it is not handed on.
func (o *Outbox) Abort(err error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	o.mu.Unlock()
	signal(o.more)
}

func (o *Outbox) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Finish waits until the client has taken all.
func (o *Outbox) Finish() error {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	if !o.started {
		o.run()
	}
	signal(o.more)
	<-o.done
	o.file.close()
	o.dropMemory()
	o.spool.memory.giveBack(beside)
	o.fault.Raise()
	return o.failure()
}
