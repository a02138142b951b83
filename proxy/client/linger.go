package client

import "time"

const (
	lingerTimeout = 30 * time.Second // to let a client read its refusal, as long as it goes on sending
	lingerSilence = 5 * time.Second  // and when it sends nothing
)

// mostLingering is how many connections may linger at once; beyond it the oldest are closed unread.
const mostLingering = 1000

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
