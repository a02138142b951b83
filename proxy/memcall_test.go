package proxy

import (
	"cmp"
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"purser/proxy/client"
	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// A memCall is a second kind of call, to prove that the order of a request needs to know nothing of the
// first: there is no connection and no socket, only a client that is memory. Its methods are what any
// further kind must do, and their comments say what that is for HTTP/2.
type memCall struct {
	t     testing.TB
	srv   *Server
	req   wire.Request
	peer  client.Peer
	began int64
	seen  []byte

	// What the client does.
	sends    []string     // the pieces of its body
	trailers []wire.Field // behind them
	breaks   error        // instead of the end of its body
	measures func() bool  // it can tell no cut from an end, as HTTP/1.0 on a unix socket; nil = it can

	mu       sync.Mutex // guards what follows: a client leaves and takes beside its call
	changed  *sync.Cond
	window   int // how many bytes it takes before it must be asked again
	left     bool
	looked   bool                    // it is looked whether it has left
	cut      bool                    // its answer was
	wakes    *sock.Socket            // who works for it
	absent   context.CancelCauseFunc // ends the wait of a request that nobody works for yet
	took     strings.Builder         // content that it has
	gathered []byte                  // content that it was not sent yet
	box      *spool.Outbox           // what it does not take at once
	unread   int64                   // what may be in there; 0 = the usual
	direct   bool                    // nothing may be in a file there

	// What it was told.
	taken    bool  // its body was asked for
	interim  []int // status codes
	status   int
	fields   map[string]string
	length   int64
	flushes  int
	ended    bool
	after    []wire.Field // trailers
	last     bool
	lives    bool // it may last for ever
	tunnel   *memTunnel
	starting chan struct{} // closed when the answer begins
}

// call makes a call of a request's head, whose body comes in pieces.
func (f *front) call(head string, body ...string) *memCall {
	f.t.Helper()
	c := &memCall{t: f.t, srv: f.server, began: f.server.clock.Exact(), seen: []byte(head), sends: body, window: 1 << 30, starting: make(chan struct{})}
	c.changed = sync.NewCond(&c.mu)
	if err := c.req.Parse(c.seen); err != nil {
		f.t.Fatalf("%q: %v", head, err)
	}
	return c
}

// serve has the call answered, with a handler of its own as each stream of an HTTP/2 connection has one.
func (c *memCall) serve() *memCall {
	c.srv.newExchange().Serve(c, nil)
	return c
}

// begin is serve beside the test, until the answer has begun. Wait waits for its end.
func (c *memCall) begin() (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.serve()
	}()
	wait = func() { <-done }
	c.t.Cleanup(func() { c.leave(); wait() })
	return wait
}

func (c *memCall) Request() *wire.Request { return &c.req }
func (c *memCall) Peer() *client.Peer     { return &c.peer }
func (c *memCall) Began() int64           { return c.began }
func (c *memCall) Seen() []byte           { return c.seen }

// TakeBody takes DATA frames until END_STREAM, and gives their bytes back to the window as the spool takes
// them. "100 Continue" is a HEADERS frame before the first.
func (c *memCall) TakeBody(into *spool.Body, most int64) ([]wire.Field, error) {
	c.taken = true
	for _, piece := range c.sends {
		if most > 0 && into.Size()+int64(len(piece)) > most {
			return nil, client.ErrBodyTooLarge
		}
		if err := into.Append([]byte(piece)); err != nil {
			return nil, err
		}
	}
	if c.breaks != nil {
		return nil, c.breaks
	}
	return c.trailers, into.Complete()
}

// Unbuffered: the next outbox holds little.
func (c *memCall) Unbuffered() { c.direct = true }

// Present: RST_STREAM and the end of the connection end the context. The connection is read anyway, so
// that nothing has to be started.
func (c *memCall) Present() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.absent = cancel; c.left {
		cancel(client.ErrGone)
	}
	return ctx, func() { cancel(nil) }
}

// Gone: a client that has left counts as gone only while it is looked for. RST_STREAM comes unasked, and
// must not end the work of a process that takes one request at a time: that goes on with it.
func (c *memCall) Gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut || c.left && c.looked
}

func (c *memCall) WakeOnGone(s *sock.Socket, look bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakes, c.looked = s, look
}

func (c *memCall) Interim(h *wire.ResponseHead) { c.interim = append(c.interim, h.Status) }

// Begin: what has no content is not told by its framing but by what comes: the HEADERS frame waits until
// it is known whether it ends the stream.
func (c *memCall) Begin(h *wire.ResponseHead, length int64) {
	c.status, c.length, c.fields = h.Status, length, make(map[string]string)
	for _, fields := range [][]wire.Field{h.Fields, h.Added} {
		for _, f := range fields {
			if !f.Drop {
				c.fields[string(f.Name)] = string(f.Value)
			}
		}
	}
	close(c.starting)
}

func (c *memCall) Write(p []byte) { c.gathered = append(c.gathered, p...) }

// Flush sends as much as the window has room for. The rest, and all that follows, goes through an outbox
// that waits for the window.
func (c *memCall) Flush() error {
	c.flushes++
	rest := c.send(c.gathered)
	c.gathered = nil
	switch {
	case c.box != nil:
		return c.box.Write(rest)
	case c.hasLeft():
		return client.ErrGone
	case len(rest) > 0:
		c.box = spool.NewOutbox(c.srv.spool, rest, memTaker{c}, func(error) {})
		c.box.Start()
		switch {
		case c.direct:
			c.box.Narrow()
		case c.unread > 0:
			c.box.Limit(c.unread)
		}
	}
	return nil
}

// send sends what the window has room for, in order.
func (c *memCall) send(p []byte) (rest []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.box != nil {
		return p
	}
	n := min(len(p), c.window)
	c.window -= n
	c.took.Write(p[:n])
	return p[n:]
}

// A memTaker is the client of a memCall, who takes what waits for it.
type memTaker struct{ *memCall }

func (c memTaker) Await(_, _ int64) (int, error) { return 1 << 20, nil }
func (c memTaker) Take(p []byte) (int, error)    { return len(p), c.sendSlowly(p) }

func (c *memCall) sendSlowly(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(p) > 0 {
		for c.window == 0 && !c.left && !c.cut {
			c.changed.Wait()
		}
		if c.left || c.cut {
			return client.ErrGone
		}
		n := min(len(p), c.window)
		c.window -= n
		c.took.Write(p[:n])
		p = p[n:]
	}
	return nil
}

func (c *memCall) hasLeft() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// SendFile reads the file: frames of others go out between two of its own.
func (c *memCall) SendFile(f *os.File, from, n int64) (sent int64, err error) {
	buf := make([]byte, 16<<10)
	for sent < n {
		m, err := f.ReadAt(buf[:min(n-sent, int64(len(buf)))], from+sent)
		if m == 0 {
			return sent, err
		}
		if err := c.sendSlowly(buf[:m]); err != nil {
			return sent, err
		}
		sent += int64(m)
	}
	return sent, nil
}

// End is END_STREAM, on a HEADERS frame if there are trailers.
func (c *memCall) End(trailers []wire.Field) error {
	var err error
	if c.box != nil {
		err = cmp.Or(c.box.Write(c.gathered), c.box.Finish())
		c.box = nil
	} else {
		err = c.sendSlowly(c.gathered)
	}
	c.gathered, c.after, c.ended = nil, trailers, err == nil
	return err
}

// Cut is RST_STREAM from us: the connection and its other streams go on.
func (c *memCall) Cut() {
	c.mu.Lock()
	c.cut = true
	c.changed.Broadcast()
	c.mu.Unlock()
	if c.box != nil {
		c.box.Abort(client.ErrGone)
		_ = c.box.Finish()
		c.box = nil
	}
}

// NeedsLength: never, in HTTP/2: a stream that is cut is told from one that has ended.
func (c *memCall) NeedsLength() bool { return c.measures != nil && c.measures() }

// Last: nothing to do in HTTP/2, where a stream carries one call.
func (c *memCall) Last() { c.last = true }

// LongLived: the stream is not waited for at GOAWAY.
func (c *memCall) LongLived(unread int64) { c.lives, c.unread = true, unread }

// Tunnel: 101 becomes 200 (RFC 8441 section 5), and what follows are DATA frames.
func (c *memCall) Tunnel(h *wire.ResponseHead, first []byte) (client.Tunnel, []byte, error) {
	c.LongLived(0)
	c.tunnel = newMemTunnel()
	c.Begin(h, -1)
	c.took.Write(first)
	return c.tunnel, nil, nil
}
