package client

import (
	"io"
	"sync/atomic"

	"purser/proxy/sock"
	"purser/proxy/wire"
)

// An h1Stream is the body of a request on an HTTP/1.1 connection, taken while it comes. Its goroutine alone reads from
// the connection and has the call's bytes; the call's goroutine may write the answer meanwhile. The deadlines of what is
// written are the sweeper's, so that these are the poller's.
type h1Stream struct {
	call  *h1Call
	most  int64
	floor int          // where in its buffer the call's bytes are the body's
	start int64        // when it was asked for
	taken atomic.Int64 // bytes of content
	whole atomic.Bool  // the body has been read to its end
	stops atomic.Bool
}

// Stream begins where nothing that is known stands against the request (RFC 9110 section 10.1.1).
func (c *h1Call) Stream(most int64) (Stream, error) {
	if most > 0 && c.req.Length > most {
		return nil, ErrBodyTooLarge
	}
	c.chunks.Reset(wire.ByClient)
	c.roomForBody()
	c.stream = &h1Stream{call: c, most: most, floor: c.next}
	return c.stream, nil
}

func (s *h1Stream) Trailers() []wire.Field { return s.call.chunks.Trailers }
func (s *h1Stream) Taken() int64           { return s.taken.Load() }

// Stop ends the wait for bytes that nobody wants any more.
func (s *h1Stream) Stop() {
	s.stops.Store(true)
	s.call.conn.sock.SetReadDeadline(sock.LongAgo)
}

func (s *h1Stream) Begin() error {
	s.start = s.call.conn.clock().Now()
	return s.call.askForBody()
}

func (s *h1Stream) Next() ([]byte, error) {
	for !s.whole.Load() {
		data, err := s.piece()
		if err != nil || len(data) > 0 {
			return data, err
		}
		if s.whole.Load() {
			break
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	return nil, io.EOF
}

// piece takes what has come of the body out of the buffer. Whole is set before its last piece is handed on: the answer
// to it may begin at once.
func (s *h1Stream) piece() ([]byte, error) {
	c := s.call
	if c.req.Chunked {
		return s.chunk()
	}
	n := int(min(int64(c.have-c.next), c.req.Length-s.taken.Load()))
	data := c.in[c.next : c.next+n]
	c.next += n
	s.whole.Store(s.taken.Add(int64(n)) == c.req.Length)
	return data, nil
}

func (s *h1Stream) chunk() ([]byte, error) {
	c := s.call
	for c.next < c.have {
		data, n, err := c.chunks.Next(c.in[c.next:c.have])
		if err != nil {
			return nil, err
		}
		c.next += n
		if s.most > 0 && s.taken.Load()+int64(len(data)) > s.most {
			return nil, ErrBodyTooLarge
		}
		s.taken.Add(int64(len(data)))
		s.whole.Store(c.chunks.Done())
		if len(data) > 0 || c.chunks.Done() {
			return data, nil
		}
	}
	return nil, nil
}

// fill waits for more of the body, of which all that was there has been handed on. A wake is for who writes, or for all.
func (s *h1Stream) fill() error {
	c, clock := s.call, s.call.conn.clock()
	c.next, c.have = s.floor, s.floor
	until := c.conn.set.limits.Load().Body.end(clock.Now(), s.start, s.taken.Load())
	for {
		c.conn.sock.SetReadDeadline(clock.Wall(until))
		if err := s.over(); err != nil { // looked at after the deadline is set: Stop ends the wait from now on
			return err
		}
		n, err := c.conn.sock.Read(c)
		switch {
		case err == nil:
			c.have += n
			return nil
		case !sock.TimedOut(err):
			return bodyError(err)
		case clock.Exact() >= until:
			return ErrBodySlow
		}
	}
}

// over says why there is to be no more of it.
func (s *h1Stream) over() error {
	switch c := s.call.conn; {
	case s.stops.Load(), c.sock.Gone():
		return ErrBodyCut
	case c.set.ctx.Err() != nil:
		return ErrStopping
	}
	return nil
}

// settle tells the call whether all of its body has come.
func (s *h1Stream) settle() {
	if s != nil && s.whole.Load() {
		s.call.whole = true
	}
}
