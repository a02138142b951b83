package client

import (
	"runtime"
	"sync"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
)

// An h2Output is what goes out on an HTTP/2 connection. Whoever queues frames flushes them: if nobody is
// writing, that goroutine writes, and takes along what others queue meanwhile. A client that does not take
// all at once has a goroutine of its own that waits for it. So one at a time writes, and nobody waits who
// has something else to do.
type h2Output struct {
	sock  *sock.Socket
	clock *sock.Clock
	tasks *sync.WaitGroup // of the connection
	idle  func()          // called with mu held when all has gone out
	stall func(at int64)  // called with mu held: by then the client must have taken something
	mu    *sync.Mutex     // of the connection; guards what follows

	buf     *outBuffer // what is queued; nil while there is nothing
	sending int        // bytes that are being written
	control int        // bytes queued that answer what a client's frames ask for
	writing bool
	slow    bool  // by a goroutine that waits for the client
	moved   int64 // when the client last took something, while slow
	last    bool  // the connection ends: what the client does not take at once it does not get
	err     error // nothing more can go out

	window  int64     // of the connection, for content
	shrunk  bool      // the client was told that the dynamic table is not used
	waiting []*h2Call // whose content waits for the connection's window, or for room; oldest first
}

const (
	// mostQueued is how much content of all streams may be queued. It is what a connection's client can
	// make us hold in memory beside what each answer may.
	mostQueued = 64 << 10

	// framePayload is the most that a frame carries, either way: every client takes it (RFC 9113 section 4.2).
	framePayload = 16 << 10
)

// space lends the memory to queue frames in. It is called with mu held.
func (o *h2Output) space() []byte {
	if o.buf == nil {
		o.buf = outBuffers.Get().(*outBuffer)
	}
	return o.buf.b
}

// answer queues a frame that a client's frame asks for, and reports false if it does not read them.
func (o *h2Output) answer(frame []byte) bool {
	o.buf.b = append(o.space(), frame...)
	o.control += len(frame)
	return o.control <= mostControl
}

// head queues a header block.
func (o *h2Output) head(stream uint32, block []byte, last bool) {
	var flags http2.Flags
	if last {
		flags = http2.FlagHeadersEndStream
	}
	b := o.space()
	if o.shrunk {
		o.buf.b = appendBlock(b, block, framePayload, flags, stream)
		return
	}
	o.shrunk = true
	o.buf.b = appendBlock(b, append([]byte{hpackTable}, block...), framePayload, flags, stream)
}

// content queues as much of p as may go out now, and the end of its stream behind the last of it. While
// others wait it is one frame.
func (o *h2Output) content(c *h2Call, p []byte, last bool) (n int) {
	for n < len(p) || last {
		piece := int(max(0, min(int64(len(p)-n), c.window, o.window, int64(min(framePayload, o.room())))))
		if piece == 0 && n < len(p) {
			return n
		}
		end := last && n+piece == len(p)
		var flags http2.Flags
		if end {
			flags = http2.FlagDataEndStream
		}
		b := o.space()
		o.buf.b = append(appendFrame(b, piece, http2.FrameData, flags, c.id), p[n:n+piece]...)
		n += piece
		c.window -= int64(piece)
		o.window -= int64(piece)
		c.h.chores.earn(1 + piece/1024) // for the updates that it will bring about
		if end || len(o.waiting) > 0 {
			return n
		}
	}
	return n
}

// room is how much more content may be queued.
func (o *h2Output) room() int {
	queued := o.sending
	if o.buf != nil {
		queued += len(o.buf.b)
	}
	return mostQueued - queued
}

// wait has a stream woken when the connection has room for its content.
func (o *h2Output) wait(c *h2Call) {
	if !c.queued && c.window > 0 {
		c.queued = true
		o.waiting = append(o.waiting, c)
	}
}

// next wakes the stream that has waited for the longest time, if it can go on. Whoever was woken calls it,
// too.
func (o *h2Output) next() {
	for len(o.waiting) > 0 && o.window > 0 && o.room() > 0 {
		c := o.waiting[0]
		o.waiting = append(o.waiting[:0], o.waiting[1:]...)
		if c != nil && c.queued {
			c.queued = false
			c.wake()
			return
		}
	}
}

// leave takes a stream that waits no more off the waiting list. If it was its turn, it is another's now.
func (o *h2Output) leave(c *h2Call) {
	if c.queued {
		c.queued = false
		for i := range o.waiting {
			if o.waiting[i] == c {
				o.waiting[i] = nil
			}
		}
	}
	o.next()
}

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
			o.stall(o.moved + int64(stallTimeout))
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

// empty reports whether all has gone out.
func (o *h2Output) empty() bool { return o.buf == nil && !o.writing }
