package spool

import (
	"errors"
	"sync"

	"purser/proxy/fault"
)

// outboxMost is how much of an answer a slow client may have waiting in a file. Beyond it the process
// is made to wait.
const outboxMost = 1 << 30

// StreamMost is how much of an event stream may wait for a client that does not read it.
const StreamMost = 1 << 20

// ErrUnread says that a client does not read its event stream.
var ErrUnread = errors.New("the client does not read its event stream")

var errFault = errors.New("what is kept cannot be handed on, by a fault in purser")

// An Outbox holds the part of an answer that the process has given and the client has not taken. Its
// owner writes; a goroutine of its own, which Finish waits for, hands on.
type Outbox struct {
	deliver func([]byte) error // hands on at the client's speed
	warn    func(error)        // nil once it was told
	done    chan struct{}      // closed when the goroutine has ended
	more    chan struct{}      // holds one: something was added, or the end is known
	room    chan struct{}      // holds one: something was taken
	fault   fault.Fault        // of the goroutine

	mu    sync.Mutex // guards what follows; the file and the client are written outside it
	mem   []byte
	file  file
	most  int64
	hard  bool  // more than that is an error
	wrote int64 // bytes ever written to the file
	read  int64 // and read from it
	full  bool  // the file cannot take more: the process waits for the client instead
	ended bool
	err   error // of the client, or the owner's reason to cut
}

// NewOutbox returns an outbox that begins with a copy of first. Deliver is called in a goroutine of the
// outbox. Warn is told once if the spool takes no more.
func NewOutbox(s *Spool, first []byte, deliver func([]byte) error, warn func(error)) *Outbox {
	o := &Outbox{
		deliver: deliver,
		warn:    warn,
		done:    make(chan struct{}),
		more:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		mem:     append([]byte(nil), first...),
		most:    outboxMost,
		file:    file{spool: s, claim: &claim{since: s.clock.Now()}},
	}
	go o.run()
	return o
}

// Limit makes it an error to have more than n bytes waiting.
func (o *Outbox) Limit(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.most, o.hard = n, true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Write adds b, waiting only if neither memory nor disk has room. The error says why the client gets no
// more.
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
	switch {
	case o.err != nil:
		o.mu.Unlock()
		return 0, o.err
	case !spilled && len(o.mem) < Memory:
		n = min(len(b), Memory-len(o.mem))
		o.mem = append(o.mem, b[:n]...)
		o.mu.Unlock()
		return n, nil
	case o.hard && waiting+int64(len(b)) > o.most:
		o.mu.Unlock()
		return 0, ErrUnread
	case o.full || waiting >= o.most:
		o.mu.Unlock()
		return 0, nil
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
	return o.spill(b, at)
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

// run hands on to the client until the end.
func (o *Outbox) run() {
	defer close(o.done)
	defer o.fault.Catch(func() { o.Abort(errFault) })
	buf := make([]byte, 0, Memory/2)
	for {
		b, ended := o.take(buf)
		switch {
		case len(b) > 0:
			if err := o.deliver(b); err != nil {
				o.Abort(err)
				return
			}
			o.file.moved(len(b))
			signal(o.room)
		case ended:
			return
		default:
			<-o.more
		}
	}
}

// take returns what is next for the client, oldest first: what is in memory came before what is in
// the file.
func (o *Outbox) take(buf []byte) (b []byte, ended bool) {
	o.mu.Lock()
	if o.err != nil {
		o.mu.Unlock()
		return nil, true
	}
	if len(o.mem) > 0 {
		b = buf[:copy(buf[:cap(buf)], o.mem)]
		o.mem = o.mem[:copy(o.mem, o.mem[len(b):])] // not all at once: it would be here twice
		o.full = false                              // try again
		o.mu.Unlock()
		return b, false
	}
	at, n := o.read, min(o.wrote-o.read, int64(cap(buf)))
	ended = o.ended
	o.mu.Unlock()
	if n == 0 {
		return nil, ended
	}
	m, err := o.file.readAt(buf[:n], at)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.read += int64(m)
	o.full = false
	if m == 0 && o.err == nil {
		o.err = err
	}
	return buf[:m], false
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

// Finish adds the last of the answer and waits until the client has taken all.
func (o *Outbox) Finish(last []byte) error {
	err := o.Write(last)
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	signal(o.more)
	<-o.done
	o.file.close()
	o.fault.Raise()
	if err != nil {
		return err
	}
	return o.failure()
}
