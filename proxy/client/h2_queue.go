package client

import (
	"golang.org/x/net/http2"

	"purser/proxy/wire"
)

// What follows queues frames, and is called with mu held.

// space lends the memory to queue frames in. It is called with mu held.
func (o *h2Output) space() []byte {
	if o.buf == nil {
		o.buf = outBuffers.Get().(*outBuffer)
	}
	return o.buf.b
}

// backlog is how much is queued, and was not taken.
func (o *h2Output) backlog() int {
	if o.buf == nil {
		return o.sending
	}
	return o.sending + len(o.buf.b)
}

// answer queues a frame that a client's frame asks for, and reports false if it does not read them.
func (o *h2Output) answer(frame []byte) bool {
	o.buf.b = append(o.space(), frame...)
	o.control += len(frame)
	return o.control <= mostControl
}

// greet queues what the client may do.
func (o *h2Output) greet() {
	b := appendSettings(o.space(),
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: mostStreams},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: wire.MaxHead},
		http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	o.buf.b = appendWindowUpdate(b, 0, connWindow-defaultWindow)
}

// reset queues the end of a stream, and allow that the client may send so much more, of stream 0 in all.
func (o *h2Output) reset(stream uint32, code http2.ErrCode) {
	o.buf.b = appendReset(o.space(), stream, code)
}

func (o *h2Output) allow(stream uint32, more int64) {
	o.buf.b = appendWindowUpdate(o.space(), stream, more)
}

// warn queues that the connection will end, and goAway that it ends after so many streams.
func (o *h2Output) warn() {
	b := appendGoAway(o.space(), mostWindow, http2.ErrCodeNo)
	o.buf.b = appendFrame(b, len(leavePing), http2.FramePing, 0, 0, leavePing[:]...)
}

func (o *h2Output) goAway(last uint32, why http2.ErrCode) {
	o.buf.b = appendGoAway(o.space(), last, why)
}

// head queues a header block.
func (o *h2Output) head(stream uint32, block []byte, last bool) {
	var flags http2.Flags
	if last {
		flags = http2.FlagHeadersEndStream
	}
	b := o.space()
	if o.shrunk {
		o.buf.b = appendBlock(b, block, framePayload, flags, stream)
		return
	}
	o.shrunk = true
	o.buf.b = appendBlock(b, append([]byte{hpackTable}, block...), framePayload, flags, stream)
}
