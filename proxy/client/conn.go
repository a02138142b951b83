package client

import (
	"crypto/tls"
	"runtime/debug"
	"sync/atomic"
	"time"

	"purser/proxy/sock"
)

// Time limits of a connection. None of them is a deadline that a byte now and then could push away for
// ever: the head's is hard, and bodies must keep a minimum rate besides moving.
const (
	headTimeout   = 15 * time.Second // from the first byte of a head to its last
	idleTimeout   = 60 * time.Second // between requests
	stallTimeout  = 30 * time.Second // without a byte of a body, either way
	rateGrace     = 2 * time.Minute  // before the minimum rate is asked for
	minRate       = 16               // bytes per second of a body, on average, after the grace
	lingerTimeout = 30 * time.Second // to let a client read its refusal, as long as it goes on sending
	lingerSilence = 5 * time.Second  // and when it sends nothing
	patience      = time.Second      // before it is looked whether anybody still waits for an answer
)

// slowHead is how long a head may take before it goes first when descriptors are short. Mostly it comes in
// one piece.
const slowHead = time.Second

// mostLingering is how many connections may linger at once; beyond it the oldest are closed unread.
const mostLingering = 1000

// phase is what a connection is doing, for those who look at it from outside.
type phase uint32

const (
	expecting phase = iota // accepted, and nothing has come yet
	idle                   // between requests; may be closed at any time
	reading                // a head is coming in, slowly
	serving                // an answer is wanted, or going out
	longLived              // upgraded, or an event stream: ended by a stop, not waited for
	lingering              // answered, with the client perhaps still sending; may be closed at any time
)

// A conn is one client connection that speaks HTTP/1.1. Its goroutine is the only one to read from it.
type conn struct {
	set  *Conns
	sock *sock.Socket
	call *h1Call // nil while idle

	phase   atomic.Uint32
	dropped atomic.Bool // it is to close without another word, if no request is under way
	faulty  bool        // a fault of ours has ended it
	last    bool        // the last call was answered
	peer    Peer
	since   atomic.Int64 // when it began to be what it is; of expecting, reading and lingering only
	secure  *tls.Config  // what TLS begins with; nil without TLS

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

// mayDrop reports whether a stop may end the connection: nothing of a request is here, or its answer is
// out.
func (c *conn) mayDrop() bool {
	p := c.present()
	return p == expecting || p == idle || p == lingering
}

// drop ends the connection if it waits for the client's bytes, and not for a body, when its goroutine looks.
func (c *conn) drop() {
	c.dropped.Store(true)
	c.sock.Wake()
}

func (c *conn) clock() *sock.Clock { return c.set.Sweeper.Clock }

// serve serves requests until the connection ends. With TLS, the protocol that the handshake has settled
// (sock.Security) is to decide what kind of connection it is; there is only one kind yet.
func (c *conn) serve() {
	defer c.end()
	defer c.recovered()
	if c.secure != nil && !c.shakeHands() {
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
		if !ok {
			return
		}
		c.answer(bad)
	}
	if c.call.unread() {
		c.linger()
	}
}

// answer has the call answered.
func (c *conn) answer(bad error) {
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
		if c.over(err) != nil {
			return false
		}
	}
}

// await begins the wait for a request, which holds no memory. It reports false if there is to be none.
func (c *conn) await() bool {
	c.sock.Arm(c.clock().In(idleTimeout))
	if c.present() != expecting {
		c.setPhase(idle)
	}
	return !c.set.stopping.Load() // looked at after the phase: a stop from now on finds it
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

// fill reads more from the client.
func (c *conn) fill(into sock.Lender) error {
	for {
		n, err := c.sock.Read(into)
		if err == nil {
			c.call.have += n
			return nil
		}
		if err = c.over(err); err != nil {
			return err
		}
	}
}

// over says why a wait for the client's bytes is over that was ended by err, or nil if it goes on.
func (c *conn) over(err error) error {
	switch {
	case !sock.TimedOut(err), c.sock.Passed(), c.sock.Gone():
		return err
	case c.dropped.Load() && (c.mayDrop() || c.present() == reading):
		return err
	case c.set.ctx.Err() != nil && c.present() != lingering:
		return ErrStopping
	}
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
		c.sock.Arm(bodyDeadline(c.clock().Now(), start, done))
		more, err := some(done)
		done += more
		if err != nil && (!sock.TimedOut(err) || c.sock.Passed() || c.sock.Gone()) {
			return err
		}
	}
	return nil
}

// bodyDeadline is when a body of which n bytes have moved since start counts as stalled.
func bodyDeadline(now, start, n int64) int64 {
	slowest := start + int64(rateGrace) + n/minRate*int64(time.Second)
	return min(now+int64(stallTimeout), slowest)
}

// linger lets the client read a refusal: closing with unread bytes would make the kernel reset the
// connection and take the answer with it (RFC 9112 section 9.6). A client may send all it has before it
// reads, so it goes on for as long as bytes come. A stop waits for none of this, and ends it.
func (c *conn) linger() {
	c.takeTime(lingering)
	c.set.notice()
	defer c.set.lingering.Add(-1)
	if c.set.lingering.Add(1) > mostLingering {
		if oldest := c.set.oldest(func(c *conn) bool { return c.present() == lingering }); oldest != nil { // all may be leaving already
			oldest.drop()
		}
	}
	c.sock.CloseWrite()
	end := c.clock().In(lingerTimeout)
	for c.clock().Now() < end {
		c.sock.Arm(min(end, c.clock().In(lingerSilence)))
		c.call.have, c.call.at = 0, 0
		if c.fill(c.call) != nil {
			return
		}
	}
}
