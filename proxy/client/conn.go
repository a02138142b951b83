package client

import (
	"bytes"
	"crypto/tls"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"purser/proxy/sock"
)

// Time limits of a connection beside those that are set.
const (
	stoppedHead = 2 * time.Second // for a head from the beginning of a stop
	retiredIdle = 5 * time.Second // for one more request on an idle connection, once its server retires
	patience    = time.Second     // before it is looked whether anybody still waits for an answer
)

// slowHead is how long a head may take before it goes first when descriptors are short. Mostly it comes in
// one piece.
const slowHead = time.Second

// slowBody is how long a body may not move before it makes room when descriptors are short. A network that loses
// packets is silent for some seconds.
const slowBody = 10 * time.Second

// phase is what a connection is doing, for those who look at it from outside.
type phase uint32

const (
	expecting phase = iota // accepted, and nothing has come yet
	idle                   // between requests; may be closed at any time
	reading                // a head is coming in, slowly
	taking                 // a body is coming in, and nothing else is under way
	serving                // an answer is wanted, or going out
	longLived              // upgraded, or an event stream: ended by a stop, not waited for
	lingering              // answered, with the client perhaps still sending; may be closed at any time
)

// A conn is one client connection. Its goroutine is the only one to read from it. It speaks HTTP/1.1, unless
// TLS has agreed on HTTP/2 or the client begins with that.
type conn struct {
	set  *Conns
	sock *sock.Socket
	call *h1Call // nil while idle

	phase     atomic.Uint32
	dropped   atomic.Bool // it is to close: without another word, unless a body is awaited
	multiplex atomic.Bool // it speaks HTTP/2
	answered  uint32      // so many calls, the present one among them
	faulty    bool        // a fault of ours has ended it
	announced bool        // it begins with a header of the PROXY protocol
	last      bool        // the last call was answered
	hurried   bool        // a stop has shortened the time for its head, or a retirement that for its next request
	met       bool        // it is known whose it is: that of the socket's flow. Guarded by the set's mu
	counted   bool        // among those of that flow. Guarded by the set's mu
	peer      Peer
	since     atomic.Int64 // when it began to be what it is, of expecting, reading and lingering only; of taking, when a body has moved last
	secure    *tls.Config  // what TLS begins with; nil without TLS

	next, prev *conn // in the set's list
}

func (c *conn) present() phase   { return phase(c.phase.Load()) }
func (c *conn) setPhase(p phase) { c.phase.Store(uint32(p)) }

// takeTime is setPhase for what may take long: who has been at it for the longest time goes first where
// somebody has to. What was to end something else is over.
func (c *conn) takeTime(p phase) {
	c.since.Store(c.clock().Now())
	c.dropped.Store(false)
	c.setPhase(p)
}

func (c *conn) clock() *sock.Clock { return c.set.Sweeper.Clock }
func (c *conn) limits() *Limits    { return c.set.limits.Load() }

// serve serves requests until the connection ends.
func (c *conn) serve() {
	defer c.end()
	defer c.recovered()
	if c.announced && !(c.takeProxyHeader() && c.mayStay()) {
		return
	}
	if c.secure != nil && !c.shakeHands() {
		return
	}
	if t := c.peer.TLS; t != nil && t.Protocol == http2.NextProtoTLS { // ALPN
		c.serveHTTP2(nil)
		return
	}
	for !c.last {
		if c.call == nil && !c.awaitCalls() {
			return
		}
		if c.call == nil || c.last {
			continue
		}
		bad, ok := c.call.readHead()
		switch {
		case !ok:
			return
		case bad != nil && c.beginsHTTP2():
			first := bytes.Clone(c.call.Seen())
			c.Unused()
			c.serveHTTP2(first)
			return
		}
		c.answer(bad)
	}
	if c.call.unread() && !c.dropped.Load() {
		c.linger()
	}
}

// beginsHTTP2 reports a first request that is the first half of the preface of HTTP/2 (RFC 9113 section 3.4),
// where that is spoken without TLS. Behind TLS it is agreed on there, or not spoken.
func (c *conn) beginsHTTP2() bool {
	const half = "PRI * HTTP/2.0\r\n\r\n"
	return c.set.h2c.Load() && c.peer.TLS == nil && c.answered == 0 && bytes.HasPrefix(c.call.Seen(), []byte(half))
}

// answer has the call answered.
func (c *conn) answer(bad error) {
	c.answered++
	c.call.handler.Serve(c.call, bad)
	if c.call.goesOn() {
		c.call.finish()
	} else {
		c.last = true
	}
}

// recovered keeps a fault of ours from ending more than this connection. Nobody knows what it has left of
// the call, which is not used again.
func (c *conn) recovered() {
	if fault := recover(); fault != nil {
		c.faulty = true
		c.set.faults.Add(1)
		c.set.Log.Error("a connection was ended by a fault in purser; please report it", "panic", fault, "stack", string(debug.Stack()))
	}
}

// end leaves the list before the socket is closed: nobody may meet a descriptor whose number is
// somebody else's by then.
func (c *conn) end() {
	defer c.set.wg.Done()
	c.set.remove(c)
	switch {
	case c.faulty:
		c.sock.Reset()
		return
	case c.call != nil && c.call.broken():
		c.sock.Reset()
	default:
		c.sock.Close()
	}
	if c.call != nil {
		c.call.recycle()
	}
}

// awaitCalls waits for requests, and serves those that come in one piece and are all there is to read. It
// reports true with a call that is left to serve, or after the last one.
func (c *conn) awaitCalls() bool {
	if !c.await() {
		return false
	}
	for {
		err := c.sock.Serve(c)
		if err == nil {
			return true
		}
		if c.over(err) != nil && !c.hasRequest() {
			return false
		}
	}
}

// await begins the wait for a request, which holds no memory. It reports false if there is to be none.
func (c *conn) await() bool {
	c.sock.Arm(c.clock().In(c.limits().KeepAlive))
	if c.present() != expecting {
		c.setPhase(idle)
	}
	return !c.set.stopping.Load() || c.hasLastTurn() // looked at after the phase: a stop from now on finds it
}

// Use serves a request within the wait for the next one.
func (c *conn) Use(n int) (goOn bool) {
	c.call.have += n
	c.setPhase(serving)
	if !c.call.simple() {
		return false
	}
	c.answer(nil)
	return !c.last && c.call == nil && c.await()
}

// fill reads more of a call.
func (c *conn) fill(into *h1Call) error {
	n, err := c.receive(into)
	into.have += n
	return err
}

// receive waits for bytes of the client.
func (c *conn) receive(into sock.Lender) (int, error) {
	for {
		n, err := c.sock.Read(into)
		if err == nil {
			return n, nil
		}
		if err = c.over(err); err != nil {
			return 0, err
		}
	}
}

// over says why a wait for the client's bytes is over that was ended by err, or nil if it goes on.
func (c *conn) over(err error) error {
	switch {
	case !sock.TimedOut(err), c.sock.Passed(), c.sock.Gone():
		return err
	case c.dropped.Load() && (c.mayDrop() || c.present() == reading || c.present() == taking):
		return err
	case c.set.ctx.Err() != nil && c.present() != lingering:
		return ErrStopping
	}
	c.hurry()
	return nil
}

// Space and Unused make conn the lender of its own first bytes.
func (c *conn) Space() []byte {
	c.call = newCall(c)
	return c.call.in
}

func (c *conn) Unused() {
	c.call.recycle()
	c.call = nil
}

// write sends p to the client at the client's speed, as long as it keeps moving.
func (c *conn) write(p []byte) error {
	n, err := c.sock.TryWrite(p)
	if err != nil || n == len(p) {
		return err
	}
	return c.writeSlowly(p[n:])
}

func (c *conn) writeSlowly(p []byte) error {
	return c.move(int64(len(p)), func(done int64) (int64, error) {
		n, err := c.sock.WriteSome(p[done:])
		return int64(n), err
	})
}

// move repeats some, which waits and moves some bytes on, until n have moved, as long as they move at the
// rate that is asked of a client.
func (c *conn) move(n int64, some func(done int64) (int64, error)) error {
	start, done := c.clock().Now(), int64(0)
	defer c.sock.Disarm()
	for done < n {
		if c.sock.Gone() { // the wake that told of it may have met another wait
			return ErrGone
		}
		c.sock.Arm(c.limits().Send.end(c.clock().Now(), start, done))
		more, err := some(done)
		done += more
		if err != nil && (!sock.TimedOut(err) || c.sock.Passed() || c.sock.Gone()) {
			return err
		}
	}
	return nil
}
