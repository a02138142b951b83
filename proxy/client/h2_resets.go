package client

import (
	"errors"

	"golang.org/x/net/http2"
)

// h2Resets are the streams that we have reset last: their clients may not know it yet, and what they send is
// dropped (RFC 9113 section 5.4.2).
type h2Resets struct {
	ids  []uint32
	next int
}

func (r *h2Resets) add(stream uint32) {
	if len(r.ids) < mostStreams {
		r.ids = append(r.ids, stream)
		return
	}
	r.ids[r.next] = stream
	r.next = (r.next + 1) % mostStreams
}

func (r *h2Resets) has(stream uint32) bool {
	for _, id := range r.ids {
		if id == stream {
			return true
		}
	}
	return false
}

// The methods below are called with mu held, unless they say otherwise.

// begun is an error if a stream has not begun: then the client may not speak of it (RFC 9113 section 5.1).
func (s *h2Streams) begun(stream uint32) error {
	if stream%2 == 0 || stream > s.newest {
		return protocolError
	}
	return nil
}

// stray says what a frame deserves whose stream takes no more of them (RFC 9113 section 5.1).
func (s *h2Streams) stray(stream uint32, c *h2Call) error {
	switch {
	case s.begun(stream) != nil:
		return protocolError
	case s.resets.has(stream), c != nil && c.closed && !c.ended:
		return nil
	}
	return http2.StreamError{StreamID: stream, Code: http2.ErrCodeStreamClosed}
}

// gaveUp frees the client of an answer, and us of none of the work that is under way: the stream counts
// until its handler is done.
func (s *h2Streams) gaveUp(stream uint32) error {
	c := s.calls[stream]
	if c == nil {
		if err := s.begun(stream); err != nil {
			return err
		}
		return s.chore()
	}
	if c.left {
		return s.chore()
	}
	c.lose()
	return s.limits.reset(s.clock().Now())
}

// cut resets a stream, and has its call end.
func (s *h2Streams) cut(stream uint32, code http2.ErrCode) {
	s.out.reset(stream, code)
	s.resets.add(stream)
	if c := s.calls[stream]; c != nil {
		c.closed = true
		c.lose()
	}
}

// resetFor resets a stream for an error of its own. Any other ends the connection. It is called without mu.
func (s *h2Streams) resetFor(err error) error {
	stream, ok := errors.AsType[http2.StreamError](err)
	if !ok {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begun(stream.StreamID); err != nil {
		return err // it cannot be reset
	}
	if err := s.limits.reset(s.clock().Now()); err != nil {
		return err
	}
	s.cut(stream.StreamID, stream.Code)
	return nil
}

// goAway tells the client that the connection ends, why, and which stream was the last.
func (s *h2Streams) goAway(why http2.ErrCode) { s.out.goAway(s.newest, why) }

// refuse says goodbye to a client that breaks the rules. It is called without mu.
func (s *h2Streams) refuse(err error) {
	code := http2.ErrCodeInternal
	if e, ok := errors.AsType[http2.ConnectionError](err); ok {
		code = http2.ErrCode(e)
	}
	s.mu.Lock()
	s.goAway(code)
	s.mu.Unlock()
}
