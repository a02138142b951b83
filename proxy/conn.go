package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"

	"purser/proxy/wire"
)

// phase is what a client connection is doing, for those who look at it from outside.
type phase uint32

const (
	idle    phase = iota // between requests; may be closed at any time
	reading              // a request is coming in
	serving              // an answer is wanted, or going out
	tunnel               // upgraded, or an event stream: ended by a stop, not waited for
)

// A conn is one client connection. Its goroutine is the only one to read from it; everything else
// that happens to it comes through its deadlines.
type conn struct {
	srv  *Server
	sock *socket
	peer peer

	phase  atomic.Uint32
	client deadline // what the client must do
	app    deadline // what the app must do
	asked  atomic.Int64
	gone   atomic.Bool // the client hung up while its answer was awaited

	x *exchange // nil while idle

	next, prev *conn // in the server's list
}

func (c *conn) setPhase(p phase) { c.phase.Store(uint32(p)) }

// serve serves requests until the connection ends.
func (c *conn) serve() {
	defer c.close()
	for c.awaitHead() && c.x.serve() {
		c.x.finish()
	}
	if c.x != nil && c.x.refused {
		c.linger()
	}
}

func (c *conn) close() {
	c.client.disarm()
	if c.x != nil {
		c.x.recycle()
	}
	c.sock.close()
	c.srv.remove(c)
}

// awaitHead waits for a request head and parses it. It reports false when there will be none: what
// could be said about that has been said.
func (c *conn) awaitHead() bool {
	if c.x == nil && !c.awaitFirst() {
		return false
	}
	c.setPhase(reading)
	x := c.x
	x.began = c.srv.clock.exact()
	c.client.disarm()
	for patient := true; ; patient = false {
		complete, err := x.scanHead()
		if err == nil && complete {
			err = x.req.Parse(x.in[x.at : x.at+x.head])
		}
		if err != nil {
			x.refuse(err)
			return false
		}
		if complete {
			c.client.disarm()
			return true
		}
		if patient { // once: a byte now and then must not push it away
			c.client.arm(c.sock, c.srv.clock.in(headTimeout))
		}
		if err := c.fill(x); err != nil {
			x.lost(err)
			return false
		}
	}
}

// awaitFirst waits, without holding any memory, for the first bytes of a request.
func (c *conn) awaitFirst() bool {
	c.client.arm(c.sock, c.srv.clock.in(idleTimeout))
	c.setPhase(idle)
	if c.srv.stopping.Load() {
		return false
	}
	return c.fill(c) == nil
}

// fill reads more from the client.
func (c *conn) fill(into lender) error {
	for {
		n, err := c.sock.read(into)
		if err == nil {
			c.x.have += n
			return nil
		}
		if !timedOut(err) || c.client.passed(c.sock) || c.stopIdle() {
			return err
		}
	}
}

func (c *conn) stopIdle() bool {
	return phase(c.phase.Load()) == idle && c.srv.stopping.Load()
}

// space and unused make conn the lender of its own first bytes.
func (c *conn) space() []byte {
	c.x = newExchange(c)
	return c.x.in
}

func (c *conn) unused() {
	c.x.recycle()
	c.x = nil
}

// write sends p to the client at the client's speed, as long as it keeps moving.
func (c *conn) write(p []byte) error {
	n, err := c.sock.tryWriting(p)
	if err != nil || n == len(p) {
		return err
	}
	return c.writeSlowly(p[n:])
}

func (c *conn) writeSlowly(p []byte) error {
	clock := c.srv.clock
	start, moved := clock.now(), int64(0)
	defer c.client.disarm()
	for len(p) > 0 {
		c.client.arm(c.sock, bodyDeadline(clock.now(), start, moved))
		n, err := c.sock.writeSome(p)
		p = p[n:]
		moved += int64(n)
		if err != nil && (!timedOut(err) || c.client.passed(c.sock)) {
			return err
		}
	}
	return nil
}

// linger lets the client read a refusal: closing with unread bytes would make the kernel reset the
// connection and take the answer with it (RFC 9112 section 9.6).
func (c *conn) linger() {
	if cw, ok := c.sock.conn.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
	c.client.arm(c.sock, c.srv.clock.in(lingerTimeout))
	x := c.x
	for dropped := 0; dropped < drainBody; {
		x.have, x.at = 0, 0
		if c.fill(x) != nil {
			return
		}
		dropped += x.have
	}
}

// A peer is who is at the other end, in the forms that are needed for each request.
type peer struct {
	addr      netip.Addr
	text      string // address without port; "unix:" for a unix socket
	trusted   bool   // its X-Forwarded-* are believed
	forwarded []byte // header lines that are the same for each of its requests
}

func newPeer(c net.Conn, trusted func(netip.Addr) bool) peer {
	p := peer{text: "unix:"}
	port := ""
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		p.addr = a.AddrPort().Addr().Unmap()
		p.text = p.addr.String()
		p.trusted = trusted(p.addr)
	}
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		_, port, _ = net.SplitHostPort(a.String())
	}
	p.forwarded = forwardedLines(p, port)
	return p
}

// lost ends a connection on which no whole head came.
func (x *exchange) lost(err error) {
	switch {
	case x.have == x.at: // nothing but leading empty lines, or nothing at all
	case timedOut(err):
		x.refuse(&wire.Error{Status: 408, Text: "the request head took too long"})
	case errors.Is(err, io.EOF):
		x.note("the client closed the connection inside a request head")
	}
}
