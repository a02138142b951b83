package client

import (
	"errors"
	"time"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// handshakeTimeout is how long a client may take until it and we speak TLS.
const handshakeTimeout = 10 * time.Second

// errClear refuses a client that speaks HTTP where TLS is spoken, which a person may read.
var errClear = &wire.Error{Status: 400, Text: "this port speaks https, and http came; begin the address with https://"}

// shakeHands begins TLS. It reports false if that fails: TLS has said why itself, in an alert. Who speaks HTTP
// instead is told so in clear.
func (c *conn) shakeHands() bool {
	c.sock.Arm(c.clock().In(handshakeTimeout)) // once: a byte now and then must not push it away
	err := c.sock.StartTLS(c.secure, c.over)
	if err == nil {
		c.peer.TLS, c.peer.Secure = c.sock.Security(), true
		return c.peer.TLS.Protocol != "acme-tls/1" // of an authority, which was shown all it wants (RFC 8737 section 3)
	}
	if not, ok := errors.AsType[*sock.NotTLSError](err); ok && wire.IsToken(not.First[:3]) {
		c.refuseClear(not.First[:])
		return true
	}
	c.set.Log.Debug("a TLS handshake failed", "peer", string(c.peer.Text), "error", err)
	if !sock.TimedOut(err) && !errors.Is(err, ErrStopping) {
		c.lingerAfterAlert()
	}
	return false
}

// lingerAfterAlert lets the client read the alert. In TLS 1.3 it sends its first request before it knows whether
// its certificate is good enough.
func (c *conn) lingerAfterAlert() {
	c.call = newCall(c)
	c.linger()
}

// refuseClear answers what came in clear, of which the first bytes are known.
func (c *conn) refuseClear(first []byte) {
	c.call = newCall(c)
	c.call.began = c.clock().Exact()
	c.call.have = copy(c.call.in, first)
	c.call.req.Reset()
	c.setPhase(serving)
	c.sock.Disarm()
	c.answer(errClear)
}
