package client

import (
	"runtime"
	"sync"

	"purser/proxy/sock"
)

// An h2Output is what goes out on an HTTP/2 connection. Whoever queues frames flushes them: if nobody is
// writing, that goroutine writes, and takes along what others queue meanwhile. A client that does not take
// all at once has a goroutine of its own that waits for it. So one at a time writes, and nobody waits who
// has something else to do.
type h2Output struct {
	set   *Conns
	sock  *sock.Socket
	clock *sock.Clock
	tasks *sync.WaitGroup // of the connection
	idle  func()          // called with mu held when all has gone out
	mu    *sync.Mutex     // of the connection; guards what follows

	alarm  *h2Alarm  // for the time by which the client must have taken something
	limits *h2Limits // earned by content

	buf     *outBuffer // what is queued; nil while there is nothing
	sending int        // bytes that are being written
	control int        // bytes queued that answer what a client's frames ask for
	writing bool
	slow    bool  // by a goroutine that waits for the client
	moved   int64 // when the client last took something, while slow
	last    bool  // the connection ends: what the client does not take at once it does not get
	err     error // nothing more can go out

	window  int64       // of the connection, for content
	shrunk  bool        // the client was told that the dynamic table is not used
	waiting []*h2Sender // whose content waits for the connection's window, or for room; oldest first
}

const (
	// mostQueued is how much content of all streams may be queued. It is what a connection's client can
	// make us hold in memory beside what each answer may.
	mostQueued = 64 << 10

	// framePayload is the most that a frame carries, either way: every client takes it (RFC 9113 section 4.2).
	framePayload = 16 << 10

	// mostContent is how much content we send in a frame: with its head it is a record of TLS.
	mostContent = sock.Record - frameHeader
)

// flush sends what is queued, unless somebody is at it. Others who are about to queue something may go
// first: what they queue goes out with it.
func (o *h2Output) flush(others bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.buf == nil || o.err != nil {
		return
	}
	o.writing = true
	if others {
		o.mu.Unlock()
		runtime.Gosched()
		o.mu.Lock()
	}
	o.write()
}

// write sends until nothing is queued, or the client takes no more at once. It is called with mu held, which
// it gives up while it writes.
func (o *h2Output) write() {
	for o.buf != nil && o.err == nil {
		b := o.take()
		o.mu.Unlock()
		n, err := o.sock.TryWrite(b.b)
		o.mu.Lock()
		o.wrote(n, err)
		switch {
		case err != nil || n == len(b.b):
		case o.last:
			o.wrote(0, ErrGone)
		default:
			o.slow, o.moved = true, o.clock.Now()
			o.alarm.limit(o.moved + o.silence())
			o.tasks.Go(func() { o.writeSlowly(b, n) })
			return
		}
		o.put(b)
	}
	o.writing = false
	o.idle()
}

// writeSlowly sends the rest of b and all that follows, at the client's speed.
func (o *h2Output) writeSlowly(b *outBuffer, from int) {
	for b != nil {
		for rest := b.b[from:]; len(rest) > 0; {
			n, err := o.sock.WriteSome(rest)
			rest = rest[n:]
			if sock.TimedOut(err) { // a wake, which is for who reads
				o.sock.SetWriteDeadline(sock.Never)
				err = nil
			}
			o.mu.Lock()
			if n > 0 {
				o.moved = o.clock.Now()
			}
			o.wrote(n, err)
			gone := o.err != nil
			o.mu.Unlock()
			if gone {
				break
			}
		}
		b, from = o.another(b), 0
	}
}

// another gives a buffer back for the next that is to be written slowly. With none the writing is over.
func (o *h2Output) another(b *outBuffer) *outBuffer {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put(b)
	if o.buf == nil || o.err != nil {
		o.writing, o.slow = false, false
		o.idle()
		return nil
	}
	return o.take()
}

func (o *h2Output) take() *outBuffer {
	b := o.buf
	o.buf, o.sending, o.control = nil, len(b.b), 0
	return b
}

// wrote counts what the client has taken.
func (o *h2Output) wrote(n int, err error) {
	o.sending -= n
	if err != nil && o.err == nil {
		o.err = err
		o.sock.Shutdown() // who reads ends the connection
	}
	o.next()
}

func (o *h2Output) put(b *outBuffer) {
	o.sending = 0
	if b.b = b.b[:0]; cap(b.b) <= mostSpace {
		outBuffers.Put(b)
	}
}

// close ends the wait for the client: what it does not take at once it does not get.
func (o *h2Output) close() {
	o.last = true
	if o.slow {
		o.sock.Shutdown()
	}
}

// silence is how long the client may take nothing.
func (o *h2Output) silence() int64 { return int64(o.set.limits.Load().Send.Silence) }

// stalled reports a client that has taken nothing for too long.
func (o *h2Output) stalled(now int64) bool { return o.slow && now >= o.moved+o.silence() }

// giveBack gives back what is borrowed, once nobody uses it any more.
func (o *h2Output) giveBack() {
	if o.buf != nil {
		o.put(o.buf)
	}
}

// empty reports whether all has gone out.
func (o *h2Output) empty() bool { return o.buf == nil && !o.writing }
