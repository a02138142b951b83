package upstream

import (
	"errors"
	"io"
	"time"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// A content is how the content of an answer comes in (RFC 9112 section 6.3).
type content struct {
	end      wire.End
	over     bool
	events   bool  // it is an event stream, which may pause for ever
	reusable bool  // the link can carry another request after it
	closes   bool  // the app closes the link after it
	left     int64 // of a known length: bytes to come
	until    int64 // when its end is no longer waited for; 0 = never
	err      error
	chunks   wire.Chunked
}

func (c *content) begin(r *wire.Response) {
	c.end, c.left, c.closes, c.events = wire.ByClose, r.Length, r.Close, r.EventStream
	c.over, c.reusable, c.until, c.err = false, false, 0, nil
	switch {
	case r.Bodiless:
		c.end = wire.Unsaid
		c.finish()
	case r.Chunked:
		c.end = wire.InChunks
		c.chunks.Reset(wire.ByApp)
	case r.Length >= 0:
		c.end = wire.ByLength
	}
}

func (c *content) finish() {
	c.over = true
	c.reusable = !c.closes
}

// Next returns what has come of the answer's content, decoded, until the next call. Nothing and no error
// is nothing now; io.EOF is its end.
func (a *Ask) Next() ([]byte, error) {
	c := &a.content
	for !c.over && c.err == nil && a.buf != nil && a.buf.at < a.buf.have {
		data, err := c.take(a.buf)
		if len(data) > 0 || err != nil {
			return data, err
		}
	}
	switch {
	case c.over:
		return nil, io.EOF
	case c.err != nil:
		return nil, c.err
	case c.end == wire.ByLength && c.left == 0:
		c.finish()
		return nil, io.EOF
	}
	a.drop() // what came may wait for its client or a disk now, and needs none of this
	return nil, nil
}

// take takes content out of the buffer.
func (c *content) take(b *buffer) (data []byte, err error) {
	came := b.in[b.at:b.have]
	switch c.end {
	case wire.ByLength:
		data = came[:min(c.left, int64(len(came)))]
		c.left -= int64(len(data))
		b.at += len(data)
		if c.left == 0 {
			c.finish()
		}
		return data, nil
	case wire.InChunks:
		data, n, err := c.chunks.Next(came)
		b.at += n
		if err == nil && c.chunks.Done() {
			c.finish()
		}
		return data, err
	}
	b.at = b.have
	return came, nil
}

// Trailers returns the trailers of an answer that has ended.
func (a *Ask) Trailers() []wire.Field {
	if a.content.end != wire.InChunks {
		return nil
	}
	return a.content.chunks.Trailers
}

// Wait waits for more of the content. It may return early, with nothing: Next will tell.
func (a *Ask) Wait() {
	r := a.req
	r.Asker.WakeOnGone(a.link, !a.uploads && (r.Terms.LookOut || a.content.events))
	a.link.Arm(a.patience())
	switch {
	case r.Asker.Gone():
		a.content.err = ErrGone
	case a.receive(): // why is asked before the deadline is taken back
		a.content.err = a.interrupted(ErrStalled)
	}
	a.link.Disarm()
	r.Asker.WakeOnGone(nil, false)
}

// patience is when more of the content must have come; 0 = never.
func (a *Ask) patience() int64 {
	until := a.content.until
	if stall := a.req.Terms.Stall; stall > 0 && !a.content.events && !a.uploads {
		if stalled := a.link.Clock().In(stall); until == 0 || stalled < until {
			return stalled
		}
	}
	return until
}

// receive waits for more of the content, and reports whether the wait was ended from outside.
func (a *Ask) receive() (woken bool) {
	n, err := a.link.Read(a)
	switch {
	case err == nil:
		a.buf.have += n
	case sock.TimedOut(err):
		return true
	case a.content.end == wire.ByClose && errors.Is(err, io.EOF):
		a.content.finish()
	default:
		a.content.err = a.whyEnded(ErrShortAnswer)
	}
	return false
}

// Within has the answer end with ErrStalled after a time, whatever comes until then.
func (a *Ask) Within(d time.Duration) { a.content.until = a.link.Clock().In(d) }
