package client

import "golang.org/x/net/http2"

// take serves a frame. An error ends the connection or, if it is a StreamError, the stream.
func (h *h2Conn) take(f http2.Frame) error {
	h.streams.mu.Lock()
	defer h.streams.mu.Unlock()
	if _, ok := f.(*http2.SettingsFrame); !ok && !h.settings {
		return protocolError // RFC 9113 section 3.4: they come first
	}
	switch f := f.(type) {
	case *http2.DataFrame:
		return h.onData(f)
	case *http2.HeadersFrame:
		return h.onHeaders(f)
	case *http2.ContinuationFrame:
		return h.addBlock(f.HeaderBlockFragment(), f.HeadersEnded()) // that nothing came between is the framer's to see
	case *http2.RSTStreamFrame:
		return h.streams.gaveUp(f.StreamID)
	case *http2.WindowUpdateFrame:
		if err := h.streams.chore(); err != nil {
			return err
		}
		return h.streams.takesMore(f.StreamID, int64(f.Increment))
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
	return h.streams.chore()
}

// reply answers such a frame.
func (h *h2Conn) reply(frame []byte) error {
	if !h.streams.out.answer(frame) {
		return tooMuch
	}
	return h.streams.chore()
}

func (h *h2Conn) onPing(f *http2.PingFrame) error {
	if f.IsAck() {
		h.leave.known(&h.streams, f.Data)
		return h.streams.chore()
	}
	return h.reply(appendFrame(nil, len(f.Data), http2.FramePing, http2.FlagPingAck, 0, f.Data[:]...))
}

func (h *h2Conn) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return h.streams.chore()
	}
	start := h.streams.start
	err := f.ForeachSetting(func(s http2.Setting) error {
		switch s.ID {
		case http2.SettingInitialWindowSize:
			start = int64(s.Val)
		case http2.SettingHeaderTableSize:
			h.streams.out.shrunk = false // RFC 7541 section 4.2: what is used of it must be said again
		}
		return s.Valid()
	})
	if err != nil {
		return err
	}
	h.settings = true
	if err := h.streams.restart(start); err != nil {
		return err
	}
	return h.reply(appendFrame(nil, 0, http2.FrameSettings, http2.FlagSettingsAck, 0))
}
