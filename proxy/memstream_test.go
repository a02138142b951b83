package proxy

import (
	"io"
	"sync/atomic"

	"purser/proxy/client"
	"purser/proxy/wire"
)

// Stream has the same pieces taken one after the other.
func (c *memCall) Stream(most int64) (client.Stream, error) {
	c.taken = true
	return &memStream{call: c, most: most}, nil
}

// A memStream is the body of a memCall while it comes.
type memStream struct {
	call  *memCall
	most  int64
	next  int
	taken atomic.Int64
	stops atomic.Bool
}

func (s *memStream) Begin() error           { return nil }
func (s *memStream) Trailers() []wire.Field { return s.call.trailers }
func (s *memStream) Stop()                  { s.stops.Store(true) }
func (s *memStream) Taken() int64           { return s.taken.Load() }

func (s *memStream) Next() ([]byte, error) {
	switch sends := s.call.sends; {
	case s.stops.Load():
		return nil, client.ErrBodyCut
	case s.next < len(sends):
		s.next++
		if n := s.taken.Add(int64(len(sends[s.next-1]))); s.most > 0 && n > s.most {
			return nil, client.ErrBodyTooLarge
		}
		return []byte(sends[s.next-1]), nil
	case s.call.breaks != nil:
		return nil, s.call.breaks
	}
	return nil, io.EOF
}
