package client

import (
	"io"
	"sync/atomic"

	"purser/proxy/wire"
)

// An h2Stream is the body of a stream of HTTP/2, taken while it comes.
type h2Stream struct {
	call  *h2Call
	most  int64
	start int64 // when it was asked for
	wide  bool  // much of it may be on its way; guarded by the connection's mu
	taken atomic.Int64
	whole bool
}

// Stream begins where nothing that is known stands against the request.
func (c *h2Call) Stream(most int64) (Stream, error) {
	if most > 0 && c.req.Length > most {
		return nil, ErrBodyTooLarge
	}
	stream := &h2Stream{call: c, most: most}
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.stream = stream
	return stream, nil
}

func (s *h2Stream) Trailers() []wire.Field { return s.call.trailers }
func (s *h2Stream) Taken() int64           { return s.taken.Load() }

// Stop gives up what still comes of it.
func (s *h2Stream) Stop() {
	c := s.call
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if !c.ended {
		c.all.giveBack(int64(len(c.in)))
		c.in, c.ignored = nil, true
		c.wake()
	}
}

func (s *h2Stream) Begin() error {
	s.start = s.call.all.clock().Now()
	if err := s.call.askForBody(s.most); err != nil {
		return err
	}
	s.call.widen()
	return nil
}

func (s *h2Stream) Next() ([]byte, error) {
	c := s.call
	for !s.whole {
		ended, err := c.awaitBody(s.start, s.taken.Load())
		if err != nil {
			return nil, err
		}
		if s.most > 0 && s.taken.Load()+int64(len(c.taken)) > s.most {
			return nil, ErrBodyTooLarge
		}
		s.whole = ended
		s.taken.Add(int64(len(c.taken)))
		if len(c.taken) > 0 {
			return c.taken, nil
		}
	}
	return nil, io.EOF
}
