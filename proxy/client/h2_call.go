package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// An h2Call is a request in a stream of HTTP/2. Its goroutine answers it; the connection's reads for it.
type h2Call struct {
	h2Sender
	all     *h2Streams // of its connection
	handler Handler
	peer    Peer
	began   int64
	bad     error // what is wrong with its head
	faulty  bool  // a fault of ours has ended it
	head    wire.StreamHead
	req     wire.Request
	answer  h2Answer
	tunnel  h2Tunnel
	taken   []byte    // of its body, on the way into the spool
	again   chan bool // its goroutine waits for another stream: true, or for its end; nil = there is none

	// What follows is guarded by the connection's mu.

	changed sync.Cond // told of when something of it has changed
	ended   bool      // the client has sent all
	closed  bool      // we have sent all, or have reset it
	over    bool      // the client waits for nothing more
	left    bool      // the client has reset it, or is gone; nothing more can be sent
	given   bool      // it was given up from outside
	lives   bool      // it may last for ever

	in       []byte // of its body, not yet taken
	ignored  bool   // the rest of it
	intake   h2Window
	size     int64 // of the body, as announced; -1 = it was not
	got      int64 // of it
	trailers []wire.Field
	broken   error // why there will be no more of it

	forRoom h2Wait    // until the client takes more of the answer
	forBody h2Wait    // until more of the body comes
	stream  *h2Stream // of its body, if that is taken while it comes
	awaits  bool      // it waits for more of its body
	looked  bool      // somebody wants to know whether the client is gone
	wakes   *sock.Socket
	absent  context.CancelCauseFunc // ends the wait of a request that nobody works for yet
}

func newH2Call(handler Handler) *h2Call {
	c := &h2Call{handler: handler}
	c.goOn = c.wake
	return c
}

// begin makes it the call of a stream. It is called with mu held.
func (c *h2Call) begin(s *h2Streams, stream uint32) {
	c.all, c.id, c.began = s, stream, s.clock().Exact()
	c.changed.L = &s.mu
	c.window, c.intake, c.size = s.start, h2Window{room: streamWindow}, -1
	c.head.Begin(&c.req)
}

// complete makes the request of what has come of the head.
func (c *h2Call) complete(ended bool) {
	c.ended = ended
	if c.bad = c.head.Complete(ended); c.bad != nil {
		return
	}
	if !c.req.Chunked && !c.head.WebSocket() {
		c.size = c.req.Length
	}
	if c.head.WebSocket() {
		var key [16]byte
		_, _ = rand.Read(key[:]) // it never fails
		c.head.UseKey(base64.StdEncoding.AppendEncode(nil, key[:]))
	}
}

// run answers one stream after the other, so that a goroutine's stack is made once for many.
func (c *h2Call) run() {
	tasks := &c.all.tasks
	defer tasks.Done()
	for {
		if again := c.serve(); !again {
			return
		}
		if again := <-c.again; !again {
			c.recycle()
			return
		}
	}
}

// serve answers a stream, and reports whether the call is kept for another.
func (c *h2Call) serve() (again bool) {
	defer func() { again = c.finish() }()
	defer c.recovered()
	c.handler.Serve(c, c.bad)
	return false
}

// recovered keeps a fault of ours from ending more than this call, which is not used again.
func (c *h2Call) recovered() {
	if fault := recover(); fault != nil {
		c.faulty = true
		c.all.set.faults.Add(1)
		c.all.set.Log.Error("a stream was ended by a fault in purser; please report it", "panic", fault, "stack", string(debug.Stack()))
	}
}

// finish ends the stream, if its answer has not, and reports whether the call is kept. Then it may be that of
// another already.
func (c *h2Call) finish() (kept bool) {
	s := c.all
	c.answer.giveBack()
	s.mu.Lock()
	switch {
	case c.left:
	case !c.closed && wire.IsMalformed(c.bad):
		s.cut(c.id, http2.ErrCodeProtocol)
	case !c.closed:
		s.cut(c.id, http2.ErrCodeInternal)
	case !c.ended: // RFC 9113 section 8.1: the rest of the request is not needed
		s.cut(c.id, http2.ErrCodeNo)
	}
	if c.answer.ended {
		s.limits.resets.earn(1)
	}
	kept = s.remove(c)
	others := s.open > 0
	s.mu.Unlock()
	s.out.flush(others)
	return kept
}

// forget makes it ready for the next stream.
func (c *h2Call) forget() {
	c.bad, c.trailers, c.broken, c.wakes, c.absent = nil, nil, nil, nil, nil
	c.ended, c.closed, c.over, c.left, c.given, c.lives, c.looked = false, false, false, false, false, false, false
	c.forRoom, c.forBody, c.stream = h2Wait{}, h2Wait{}, nil
	c.got, c.ignored = 0, false
	c.answer, c.tunnel = h2Answer{}, h2Tunnel{}
	c.in, c.taken = keptBody(c.in), keptBody(c.taken)
	c.head.Begin(&c.req)
}

func keptBody(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

// recycle gives it back to all connections.
func (c *h2Call) recycle() {
	set := c.all.set
	c.all, c.peer, c.changed.L, c.again = nil, Peer{}, nil, nil
	c.head.Begin(&c.req)
	set.streams.Put(c)
}

// wake has who waits look again. It is called with mu held.
func (c *h2Call) wake() {
	c.changed.Broadcast()
	c.tunnel.changed()
}

// lose says that the client has reset the stream, or is gone. It is called with mu held.
func (c *h2Call) lose() {
	if !c.left {
		c.left = true
		c.all.held++
	}
	c.end()
	c.all.out.leave(&c.h2Sender)
	c.tell()
}

// end says that the client waits for nothing more. It is called with mu held.
func (c *h2Call) end() {
	if !c.over {
		c.over = true
		c.all.open--
	}
}

// giveUp has the call end: what would have to wait is not sent. It is called with mu held.
func (c *h2Call) giveUp() {
	c.given = true
	c.tell()
}

// tell tells who waits that nobody waits for the answer any more.
func (c *h2Call) tell() {
	c.wake()
	if c.absent != nil {
		c.absent(ErrGone)
	}
	if c.wakes != nil && (c.looked || c.given) {
		c.wakes.Wake()
	}
}

// An h2Wait is one for the client, that may take only so long.
type h2Wait struct {
	due  int64 // when it has taken too long; 0 = never
	late bool  // it has
}

func (w *h2Wait) review(now int64) {
	if w.due != 0 && now >= w.due {
		w.due, w.late = 0, true
	}
}

// review looks whether a wait for the client has taken too long. It is called with mu held.
func (c *h2Call) review(now int64) {
	c.forRoom.review(now)
	c.forBody.review(now)
	if c.forRoom.late || c.forBody.late || c.all.set.ctx.Err() != nil {
		c.wake()
	}
}

// within sets how long the client may let us wait for the next bytes, of which n have moved since start. It is called
// with mu held.
func (c *h2Call) within(w *h2Wait, p Pace, start, n int64) {
	w.due = p.end(c.all.clock().Now(), start, n)
	c.all.alarm.limit(w.due)
}

func (c *h2Call) Request() *wire.Request { return &c.req }
func (c *h2Call) Peer() *Peer            { return c.all.set.judged(&c.peer) }
func (c *h2Call) Began() int64           { return c.began }
func (c *h2Call) Seen() []byte           { return c.head.Line() }

// Present ends with the stream. It is read for anyway, so that nothing has to be started.
func (c *h2Call) Present() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(c.all.set.ctx)
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.absent = cancel; c.left || c.given {
		cancel(ErrGone)
	}
	return ctx, func() { cancel(nil) }
}

// Gone is not true of a client that was not looked for, though its reset comes unasked: it must not end the
// work of a process that takes one request at a time.
func (c *h2Call) Gone() bool {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	return c.given || c.left && c.looked
}

func (c *h2Call) WakeOnGone(s *sock.Socket, look bool) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.wakes, c.looked = s, look || c.looked && c.left
}

// NeedsLength is false: what was reset is told from what has ended.
func (c *h2Call) NeedsLength() bool { return false }

// Last means nothing: a stream carries one call.
func (c *h2Call) Last() {}

// LongLived lets a stop that has begun already know.
func (c *h2Call) LongLived(unread int64) {
	c.answer.unread = unread
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if !c.lives {
		c.lives = true
		c.all.ordinary--
		c.all.changed()
	}
}

// tooLate is the error of a wait that has taken too long.
var tooLate = os.ErrDeadlineExceeded
