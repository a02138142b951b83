package client

import (
	"bytes"
	"errors"
	"io"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

var (
	errBlankLines = &wire.Error{Status: 400, Text: "more than four empty lines precede the request"}
	errFirstByte  = &wire.Error{Status: 400, Text: "this is not an HTTP request"}
	errHeadLong   = &wire.Error{Status: 431, Text: "the head is too long"}
	errTargetLong = &wire.Error{Status: 414, Text: "the request target is too long"}
	errHeadSlow   = &wire.Error{Status: 408, Text: "the request head took too long"}
)

// readHead reads a head whose first byte is here, and parses it. It reports false if the client left
// without one; bad is what is wrong with what came. If all of it is here already, the deadline of the wait
// for it is left as it is: what waits next sets its own.
func (c *h1Call) readHead() (bad error, ok bool) {
	if c.hear() {
		return c.bad, true
	}
	conn := c.conn
	conn.sock.Arm(conn.clock().In(conn.limits().Head)) // once: a byte now and then must not push it away
	conn.takeTime(reading)
	conn.hurry()
	for !c.hear() {
		if err := conn.fill(c); err != nil {
			return c.lost(err)
		}
	}
	conn.sock.Disarm()
	conn.setPhase(serving)
	return c.bad, true
}

// hear looks whether the head is here to its end, or bad, and parses it then.
func (c *h1Call) hear() bool {
	if c.heard {
		return true
	}
	if c.began == 0 {
		c.began = c.conn.clock().Exact()
	}
	complete, err := c.scanHead()
	switch {
	case err != nil:
		c.req.Reset()
	case complete:
		err = c.req.Parse(c.in[c.at : c.at+c.head])
		c.next = c.at + c.head
		c.whole = err == nil && c.req.Length == 0
	}
	c.heard, c.bad = complete || err != nil, err
	return c.heard
}

// simple reports a request of which all is here, and that nothing more is read for.
func (c *h1Call) simple() bool {
	return c.hear() && c.bad == nil && c.whole && c.req.WebSocketKey == nil
}

// lost says what is to be said of a connection on which no whole head came.
func (c *h1Call) lost(err error) (bad error, ok bool) {
	c.req.Reset()
	switch {
	case c.have == c.at, c.conn.sock.Gone(), c.conn.dropped.Load(): // nothing but leading empty lines; or nobody is to be told
		return nil, false
	case errors.Is(err, ErrStopping), sock.TimedOut(err) && c.conn.hurried:
		return ErrStopping, true
	case sock.TimedOut(err):
		return errHeadSlow, true
	case errors.Is(err, io.EOF):
		return ErrHeadCut, true
	}
	return nil, false
}

// scanHead looks whether the head is complete. Robustness of RFC 9112 section 2.2: a few empty lines
// before it are skipped.
func (c *h1Call) scanHead() (bool, error) {
	for c.head == 0 && c.scanned == 0 && c.have-c.at > 0 && c.in[c.at] == '\r' {
		if c.have-c.at == 1 {
			return false, nil
		}
		if c.blank++; c.in[c.at+1] != '\n' || c.blank > 4 {
			return false, errBlankLines
		}
		c.at += 2
	}
	head := c.in[c.at:c.have]
	if len(head) == 0 {
		return false, nil
	}
	if c.scanned == 0 && !wire.IsToken(head[:1]) {
		return false, errFirstByte
	}
	end, scanned, err := wire.HeadEnd(head, c.scanned, true)
	if err != nil {
		return false, err
	}
	if end > wire.MaxHead || end == 0 && len(head) >= wire.MaxHead {
		return false, errHeadLong
	}
	if end == 0 && firstLineTooLong(head) {
		return false, errTargetLong
	}
	c.head, c.scanned = end, scanned
	return end > 0, nil
}

func firstLineTooLong(head []byte) bool {
	const most = wire.MaxTarget + wire.MaxMethod + 16
	return len(head) > most && bytes.IndexByte(head[:most], '\n') < 0
}
