package client

import (
	"golang.org/x/net/http2"

	"purser/proxy/wire"
)

// What follows takes the frames that make requests. It is called with mu held.

func (h *h2Conn) onHeaders(f *http2.HeadersFrame) error {
	h.reader.block.begin(f.StreamID, f.StreamEnded())
	if err := h.beginBlock(f); err != nil {
		return err
	}
	return h.addBlock(f.HeaderBlockFragment(), f.HeadersEnded())
}

// beginBlock says what a block is for: a new request, the trailers of one, or nobody.
func (h *h2Conn) beginBlock(f *http2.HeadersFrame) error {
	s := &h.streams
	c := s.calls[f.StreamID]
	switch {
	case f.StreamID%2 == 0:
		return protocolError
	case c != nil && c.closed && (!c.ended || s.resets.has(c.id)):
		return nil
	case c != nil && c.closed: // its call is about to end
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	case c != nil && (c.ended || c.left):
		h.reader.block.reset = http2.ErrCodeStreamClosed
	case c != nil:
		h.reader.block.call, h.reader.block.trailer = c, &wire.StreamTrailers{}
	case f.StreamID <= s.newest:
		if !s.resets.has(f.StreamID) {
			return http2.ConnectionError(http2.ErrCodeStreamClosed)
		}
	case h.leave.step != told:
		h.open(f)
	}
	return nil
}

// open opens the stream of a new request, if there may be another.
func (h *h2Conn) open(f *http2.HeadersFrame) {
	s := &h.streams
	s.newest = f.StreamID
	s.limits.chores.earn(10)
	if h.limits().reached(int(f.StreamID+1)/2) && h.leave.step == staying {
		h.leaveInSteps(h.clock().Now())
	}
	switch {
	case f.HasPriority() && f.Priority.StreamDep == f.StreamID:
		h.reader.block.reset = http2.ErrCodeProtocol
	case s.full(), s.greedy():
		h.reader.block.reset = http2.ErrCodeRefusedStream
	default:
		h.reader.block.call = s.newCall(f.StreamID)
	}
}

func (h *h2Conn) addBlock(fragment []byte, last bool) error {
	if len(fragment) == 0 && !last {
		if err := h.streams.chore(); err != nil {
			return err
		}
	}
	if done, err := h.reader.block.add(fragment, last); err != nil || !done {
		return err
	}
	return h.endBlock()
}

// endBlock does what the block that is here says.
func (h *h2Conn) endBlock() error {
	b := &h.reader.block
	stream := b.stream
	b.stream = 0
	switch {
	case b.trailer != nil:
		if h.streams.calls[stream] == b.call { // it has not ended meanwhile
			return b.call.endBody(b.trailer, b.ended)
		}
	case b.call != nil:
		b.call.complete(b.ended)
		if h.streams.heads+b.call.head.Size() > mostHeads {
			h.streams.keep(b.call)
			return http2.StreamError{StreamID: stream, Code: http2.ErrCodeRefusedStream}
		}
		h.dropped.Store(false)
		h.streams.add(b.call)
		if wire.IsMalformed(b.call.bad) {
			return h.streams.limits.reset(h.clock().Now())
		}
	case b.reset != http2.ErrCodeNo:
		return http2.StreamError{StreamID: stream, Code: b.reset}
	}
	return nil
}

// onData takes content in for who takes it away. What comes for nobody is counted, and dropped.
func (h *h2Conn) onData(f *http2.DataFrame) error {
	s, n := &h.streams, int64(f.Length)
	if !s.window.take(n) {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	if len(f.Data()) > 0 {
		s.limits.chores.earn(1)
	} else if err := h.streams.chore(); err != nil {
		return err
	}
	c := s.calls[f.StreamID]
	if c == nil || c.left || c.closed || c.ended {
		s.giveBack(n)
		return s.stray(f.StreamID, c)
	}
	return c.addBody(f.Data(), n, f.StreamEnded())
}
