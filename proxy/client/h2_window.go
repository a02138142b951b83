package client

import "golang.org/x/net/http2"

// How much a client may send before it was taken: of a stream, and of one whose body is being taken; and in all. That
// has room for all streams whose bodies nobody takes yet, as they wait for a process, or no more, as theirs does not
// read: else these would keep the client from sending what the others wait for, and so end all of them.
const (
	streamWindow = 64 << 10
	bodyWindow   = 1 << 20
	connWindow   = mostHandlers*streamWindow + (mostWide+1)*bodyWindow

	defaultWindow = 65535 // RFC 9113 section 6.9.2
	mostWindow    = 1<<31 - 1
)

// mostWide is how many bodies of a connection that are sent while they come may each have bodyWindow at once: others
// are taken for as long as they come, these only as fast as their processes read.
const mostWide = 4

// An h2Window is how much content a client may send (RFC 9113 section 5.2), on a connection or of a stream.
type h2Window struct {
	room   int64
	unused int64 // what it may send again and was not told of
}

// take counts what has come, and reports false if the client was not allowed that much.
func (w *h2Window) take(n int64) bool {
	w.room -= n
	return w.room >= 0
}

// giveBack lets the client send as many bytes more. It returns what it is to be told, once these are many.
func (w *h2Window) giveBack(n, many int64) (more int64) {
	if w.unused += n; w.unused < many {
		return 0
	}
	more, w.unused = w.unused, 0
	w.room += more
	return more
}

// The methods below are called with mu held.

// giveBack lets the client send as many bytes more on the connection.
func (s *h2Streams) giveBack(n int64) {
	if more := s.window.giveBack(n, bodyWindow/4); more > 0 {
		s.out.allow(0, more)
	}
}

// restart changes the window that streams begin with, of those that have begun, too (RFC 9113 section 6.9.2).
func (s *h2Streams) restart(start int64) error {
	more := start - s.start
	s.start = start
	if more == 0 {
		return nil
	}
	for _, c := range s.calls {
		if c.window += more; c.window > mostWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wake()
	}
	return nil
}

// takesMore lets more go out, on the connection if stream is 0.
func (s *h2Streams) takesMore(stream uint32, more int64) error {
	if stream == 0 {
		if s.out.window += more; s.out.window > mostWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		s.out.next()
		return nil
	}
	c := s.calls[stream]
	if c == nil {
		return s.begun(stream)
	}
	if c.window += more; c.window > mostWindow {
		return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeFlowControl}
	}
	c.wake()
	return nil
}
