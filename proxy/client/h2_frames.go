package client

import (
	"errors"

	"golang.org/x/net/http2"
)

// take serves a frame. An error ends the connection or, if it is a StreamError, the stream.
func (h *h2Conn) take(f http2.Frame) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := f.(*http2.SettingsFrame); !ok && !h.settings {
		return protocolError // RFC 9113 section 3.4: they come first
	}
	switch f := f.(type) {
	case *http2.DataFrame:
		return h.onData(f)
	case *http2.HeadersFrame:
		return h.onHeaders(f)
	case *http2.ContinuationFrame:
		return h.onContinuation(f)
	case *http2.RSTStreamFrame:
		return h.onReset(f.StreamID)
	case *http2.WindowUpdateFrame:
		return h.onWindowUpdate(f)
	case *http2.SettingsFrame:
		return h.onSettings(f)
	case *http2.PingFrame:
		return h.onPing(f)
	case *http2.PushPromiseFrame: // only a server may
		return protocolError
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID {
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
	}
	// Priorities (RFC 9218) are a client's wish: an app is told of its header alone.
	return h.chore()
}

const (
	protocolError = http2.ConnectionError(http2.ErrCodeProtocol)
	tooMuch       = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
)

// chore counts a frame that carries nothing of a request.
func (h *h2Conn) chore() error {
	if !h.chores.spend(h.clock().Now()) {
		return tooMuch
	}
	return nil
}

// reply answers such a frame.
func (h *h2Conn) reply(frame []byte) error {
	if !h.out.answer(frame) {
		return tooMuch
	}
	return h.chore()
}

func (h *h2Conn) onPing(f *http2.PingFrame) error {
	if f.IsAck() {
		if f.Data == leavePing && h.leave.step == warned {
			h.tellLast()
		}
		return h.chore()
	}
	return h.reply(appendFrame(nil, len(f.Data), http2.FramePing, http2.FlagPingAck, 0, f.Data[:]...))
}

func (h *h2Conn) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return h.chore()
	}
	start := h.start
	err := f.ForeachSetting(func(s http2.Setting) error {
		switch s.ID {
		case http2.SettingInitialWindowSize:
			start = int64(s.Val)
		case http2.SettingHeaderTableSize:
			h.out.shrunk = false // RFC 7541 section 4.2: what is used of it must be said again
		}
		return s.Valid()
	})
	if err != nil {
		return err
	}
	h.settings = true
	if err := h.restart(start); err != nil {
		return err
	}
	return h.reply(appendFrame(nil, 0, http2.FrameSettings, http2.FlagSettingsAck, 0))
}

// restart changes the window that streams begin with, of those that have begun, too (RFC 9113 section 6.9.2).
func (h *h2Conn) restart(start int64) error {
	more := start - h.start
	h.start = start
	if more == 0 {
		return nil
	}
	for _, c := range h.streams {
		if c.window += more; c.window > mostWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wake()
	}
	return nil
}

func (h *h2Conn) onWindowUpdate(f *http2.WindowUpdateFrame) error {
	if err := h.chore(); err != nil {
		return err
	}
	more := int64(f.Increment)
	if f.StreamID == 0 {
		if h.out.window += more; h.out.window > mostWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		h.out.next()
		return nil
	}
	c := h.streams[f.StreamID]
	if c == nil {
		return h.idleStream(f.StreamID)
	}
	if c.window += more; c.window > mostWindow {
		return http2.StreamError{StreamID: c.id, Code: http2.ErrCodeFlowControl}
	}
	c.wake()
	return nil
}

// onReset frees the client of an answer, and us of none of the work that is under way: the stream counts
// until its handler is done.
func (h *h2Conn) onReset(stream uint32) error {
	c := h.streams[stream]
	if c == nil {
		if err := h.idleStream(stream); err != nil {
			return err
		}
		return h.chore()
	}
	if c.left {
		return h.chore()
	}
	c.lose()
	if !h.resets.spend(h.clock().Now()) {
		return tooMuch
	}
	return nil
}

// idleStream is an error if a stream has not begun: then the client may not speak of it (RFC 9113 section
// 5.1).
func (h *h2Conn) idleStream(stream uint32) error {
	if stream%2 == 0 || stream > h.newest {
		return protocolError
	}
	return nil
}

// resetFor resets a stream for an error of its own. Any other ends the connection.
func (h *h2Conn) resetFor(err error) error {
	stream, ok := errors.AsType[http2.StreamError](err)
	if !ok {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.idleStream(stream.StreamID); err != nil {
		return err // it cannot be reset
	}
	if !h.resets.spend(h.clock().Now()) {
		return tooMuch
	}
	h.cut(stream.StreamID, stream.Code)
	return nil
}

// cut resets a stream, and has its call end. It is called with mu held.
func (h *h2Conn) cut(stream uint32, code http2.ErrCode) {
	h.out.buf.b = appendReset(h.out.space(), stream, code)
	h.reset.add(stream)
	if c := h.streams[stream]; c != nil {
		c.closed = true
		c.lose()
	}
}

// refuse says goodbye to a client that breaks the rules.
func (h *h2Conn) refuse(err error) {
	code := http2.ErrCodeInternal
	if e, ok := errors.AsType[http2.ConnectionError](err); ok {
		code = http2.ErrCode(e)
	}
	h.mu.Lock()
	h.say(code)
	h.mu.Unlock()
}

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
