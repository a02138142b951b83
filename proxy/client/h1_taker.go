package client

import "purser/proxy/sock"

// An h1Taker is the client of a connection of HTTP/1.1, who takes what waits for it.
type h1Taker struct{ conn *conn }

// Await waits for room on the connection. How much there is the kernel does not say.
func (t h1Taker) Await(start, moved int64) (most int, err error) {
	c := t.conn
	defer c.sock.Disarm()
	for {
		if c.sock.Gone() { // the wake that told of it may have met another wait
			return 0, ErrGone
		}
		c.sock.Arm(c.limits().Send.end(c.clock().Now(), start, moved))
		err := c.sock.AwaitRoom()
		switch {
		case err == nil:
			return outSpace, nil
		case !sock.TimedOut(err), c.sock.Passed(), c.sock.Gone():
			return 0, err
		}
	}
}

func (t h1Taker) Take(p []byte) (int, error) { return t.conn.sock.TryWrite(p) }
