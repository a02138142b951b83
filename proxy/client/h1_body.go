package client

import (
	"errors"
	"fmt"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

// TakeBody asks for the body only here, where nothing that is known stands against the request (RFC
// 9110 section 10.1.1).
func (c *h1Call) TakeBody(into *spool.Body, most int64) (trailers []wire.Field, err error) {
	if most > 0 && c.req.Length > most {
		return nil, ErrBodyTooLarge
	}
	c.chunks.Reset(wire.ByClient)
	c.roomForBody()
	if err := c.askForBody(); err != nil {
		return nil, err
	}
	defer c.conn.setPhase(serving)
	defer c.conn.sock.Disarm()
	start, moved := c.conn.clock().Now(), int64(0)
	for {
		if c.whole, err = c.moveBody(into, most); err != nil {
			return nil, err
		}
		if c.whole {
			return c.chunks.Trailers, into.Complete()
		}
		c.have = c.next // all of it is used up
		c.conn.takeTime(taking)
		c.conn.sock.Arm(c.conn.limits().Body.end(c.conn.clock().Now(), start, moved))
		if err := c.conn.fill(c); err != nil {
			return nil, bodyError(err)
		}
		moved += int64(c.have - c.next)
	}
}

// askForBody asks a client for its body that waits for that, unless it is coming already.
func (c *h1Call) askForBody() error {
	if c.req.Continue && c.next == c.have && c.conn.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) != nil {
		return ErrBodyCut
	}
	return nil
}

// roomForBody makes the buffer large enough to take a body in few reads.
func (c *h1Call) roomForBody() {
	if free := len(c.in) - c.have; free < bodyBuffer/2 && (c.req.Chunked || c.req.Length > int64(free)) {
		grown := make([]byte, c.have+bodyBuffer)
		copy(grown, c.in[:c.have])
		c.in = grown // the head goes on to live in the old one
	}
}

func bodyError(err error) error {
	switch {
	case errors.Is(err, ErrStopping):
		return err
	case sock.TimedOut(err):
		return ErrBodySlow
	}
	return fmt.Errorf("%w: %w", ErrBodyCut, err)
}

// moveBody moves what has come of the body out of the buffer, and reports whether that was the last of
// it. Then next is where the next request begins.
func (c *h1Call) moveBody(into *spool.Body, most int64) (done bool, err error) {
	if !c.req.Chunked {
		n := int(min(int64(c.have-c.next), c.req.Length-into.Size()))
		if err := into.Append(c.in[c.next : c.next+n]); err != nil {
			return false, err
		}
		if into.Size() == c.req.Length {
			c.next += n
			return true, nil
		}
		return false, nil
	}
	for at := c.next; at < c.have; {
		data, n, err := c.chunks.Next(c.in[at:c.have])
		if err != nil {
			return false, err
		}
		at += n
		if most > 0 && into.Size()+int64(len(data)) > most {
			return false, ErrBodyTooLarge
		}
		if err := into.Append(data); err != nil {
			return false, err
		}
		if c.chunks.Done() {
			c.next = at
			return true, nil
		}
	}
	return false, nil
}
