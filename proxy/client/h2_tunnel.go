package client

import (
	"time"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// An h2Tunnel is a WebSocket in a stream (RFC 8441). Its two directions wait on their own, each with its own
// end and deadline.
type h2Tunnel struct {
	call       *h2Call
	read       tunnelWait
	write      tunnelWait
	closedSide bool // of ours
}

// A tunnelWait is the wait of one direction. It is guarded by the connection's mu.
type tunnelWait struct {
	changed chan struct{} // holds one
	until   time.Time     // zero = for ever
}

func (w *tunnelWait) wake() {
	if w.changed == nil {
		return
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *tunnelWait) over() bool { return !w.until.IsZero() && !time.Now().Before(w.until) }

// await waits for a change, or for the deadline. It is called with mu held, which it gives up meanwhile.
func (t *h2Tunnel) await(w *tunnelWait) {
	until, mu := w.until, &t.call.all.mu
	mu.Unlock()
	defer mu.Lock()
	if until.IsZero() {
		<-w.changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-w.changed:
	case <-timer.C:
	}
}

// changed says that something about the stream has changed.
func (t *h2Tunnel) changed() {
	t.read.wake()
	t.write.wake()
}

// Tunnel answers with 200 where HTTP/1.1 has 101 (RFC 8441 section 5).
func (c *h2Call) Tunnel(h *wire.ResponseHead, first []byte) (t Tunnel, early []byte, err error) {
	c.LongLived(0)
	c.answer.begun = true
	block := appendHead(nil, h, 200, -1, c.all.clock().Stamp().Header)
	c.all.mu.Lock()
	c.tunnel = h2Tunnel{call: c, read: tunnelWait{changed: make(chan struct{}, 1)}, write: tunnelWait{changed: make(chan struct{}, 1)}}
	if c.silent() {
		err = ErrGone
	} else {
		c.all.out.head(c.id, block, false)
	}
	c.all.mu.Unlock()
	for len(first) > 0 && err == nil {
		var n int
		n, err = c.tunnel.WriteSome(first)
		first = first[n:]
	}
	c.all.out.flush(false)
	return &c.tunnel, nil, err
}

// Serve has by use what the client sends. It ends with an error, or once by has enough.
func (t *h2Tunnel) Serve(by sock.Server) error {
	for {
		n, err := t.take(by)
		if err != nil {
			return err
		}
		if !by.Use(n) {
			return nil
		}
	}
}

// take waits for content, and takes some.
func (t *h2Tunnel) take(by sock.Server) (n int, err error) {
	c, s := t.call, t.call.all
	s.mu.Lock()
	defer s.out.flush(false)
	defer s.mu.Unlock()
	for len(c.in) == 0 {
		switch {
		case c.left, c.given, c.ended:
			return 0, ErrGone
		case t.read.over():
			return 0, tooLate
		}
		t.await(&t.read)
	}
	if t.read.over() {
		return 0, tooLate
	}
	n = copy(by.Space(), c.in)
	c.in = append(c.in[:0], c.in[n:]...)
	c.giveBack(int64(n))
	return n, nil
}

// WriteSome waits until something of p can go out.
func (t *h2Tunnel) WriteSome(p []byte) (n int, err error) {
	c, s := t.call, t.call.all
	s.mu.Lock()
	defer s.out.flush(false)
	defer s.mu.Unlock()
	defer s.out.leave(&c.h2Sender)
	for {
		if n, err = c.offer(p, false, nil); n > 0 || err != nil {
			return n, err
		}
		switch {
		case c.given:
			return 0, ErrGone
		case t.write.over():
			return 0, tooLate
		}
		s.out.wait(&c.h2Sender)
		t.await(&t.write)
	}
}

func (t *h2Tunnel) SetReadDeadline(at time.Time)  { t.limit(&t.read, at) }
func (t *h2Tunnel) SetWriteDeadline(at time.Time) { t.limit(&t.write, at) }

func (t *h2Tunnel) limit(w *tunnelWait, at time.Time) {
	t.call.all.mu.Lock()
	defer t.call.all.mu.Unlock()
	w.until = at
	w.wake()
}

// CloseWrite ends what we send.
func (t *h2Tunnel) CloseWrite() {
	c := t.call
	c.all.mu.Lock()
	if !c.silent() && !t.closedSide {
		t.closedSide = true
		c.all.out.content(&c.h2Sender, nil, true)
	}
	c.all.mu.Unlock()
	c.all.out.flush(false)
}

// Shutdown ends both directions, which all who wait notice.
func (t *h2Tunnel) Shutdown() {
	c := t.call
	c.all.mu.Lock()
	if !c.silent() {
		c.all.cut(c.id, http2.ErrCodeCancel)
	}
	c.all.mu.Unlock()
	c.all.out.flush(false)
}
