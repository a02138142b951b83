package client

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"purser/proxy/wire"
)

// An h2Block is a header block that is coming in, in one frame or several. All blocks are decoded, even if
// nobody wants what they say: the decoder would not understand the next otherwise (RFC 9113 section 4.3).
type h2Block struct {
	stream  uint32 // 0 = none
	ended   bool   // the stream ends with it
	call    *h2Call
	trailer *wire.StreamTrailers // of call; nil if it is the head
	reset   http2.ErrCode        // else, why its stream is reset; 0 = what it says is dropped
	bytes   int
	frames  int
	size    int // of its fields, as SETTINGS_MAX_HEADER_LIST_SIZE counts them
	decoder *hpack.Decoder
}

const (
	// mostBlock is how many bytes a block may have, and mostFrames how many frames (CVE-2024-27316). What is
	// decoded of it is limited as a head of HTTP/1.1 is: beyond that the answer is 431.
	mostBlock  = 2 * wire.MaxHead
	mostFrames = 32

	// mostFields is how much the fields of a block may be, beyond what is answered. A byte of a block can stand for
	// thousands (RFC 7541 section 7.3), and whoever is told of the limit and goes so far beyond it means harm.
	mostFields = 4 * wire.MaxHead

	hpackMemory = 4096 // RFC 9113 section 6.5.2: what a client counts on unless it is told otherwise
)

func (b *h2Block) init() {
	b.decoder = hpack.NewDecoder(hpackMemory, b.emit)
	b.decoder.SetMaxStringLength(2 * mostBlock) // bytes of a block may become more when they are decoded
}

// emit takes a field. Those that follow one that is refused are only counted, and not even that once there are
// too many.
func (b *h2Block) emit(f hpack.HeaderField) {
	b.size += int(f.Size())
	switch {
	case b.size > mostFields:
		b.decoder.SetEmitEnabled(false)
	case b.trailer != nil:
		b.trailer.Add(f.Name, f.Value)
	case b.call != nil:
		b.call.head.Add(f.Name, f.Value)
	}
}

// begin begins the block of a stream.
func (b *h2Block) begin(stream uint32, ended bool) {
	b.stream, b.ended, b.bytes, b.frames, b.size = stream, ended, 0, 0, 0
	b.call, b.trailer, b.reset = nil, nil, http2.ErrCodeNo
	b.decoder.SetEmitEnabled(true)
}

// add decodes a fragment, and reports whether it is the last.
func (b *h2Block) add(fragment []byte, last bool) (done bool, err error) {
	b.bytes += len(fragment)
	if b.frames++; b.bytes > mostBlock || b.frames > mostFrames {
		return false, tooMuch
	}
	_, err = b.decoder.Write(fragment)
	if err == nil && last {
		err = b.decoder.Close()
	}
	switch {
	case err != nil:
		return false, http2.ConnectionError(http2.ErrCodeCompression)
	case b.size > mostFields:
		return false, tooMuch
	}
	return last, nil
}

func (h *h2Conn) onHeaders(f *http2.HeadersFrame) error {
	h.block.begin(f.StreamID, f.StreamEnded())
	if err := h.beginBlock(f); err != nil {
		return err
	}
	return h.addBlock(f.HeaderBlockFragment(), f.HeadersEnded())
}

// onContinuation goes on with a block. That nothing may come between its frames is the framer's to see.
func (h *h2Conn) onContinuation(f *http2.ContinuationFrame) error {
	return h.addBlock(f.HeaderBlockFragment(), f.HeadersEnded())
}

// beginBlock says what a block is for: a new request, the trailers of one, or nobody.
func (h *h2Conn) beginBlock(f *http2.HeadersFrame) error {
	c, selfish := h.streams[f.StreamID], f.HasPriority() && f.Priority.StreamDep == f.StreamID
	switch {
	case f.StreamID%2 == 0:
		return protocolError
	case c != nil && c.closed && (!c.ended || h.reset.has(c.id)):
		return nil
	case c != nil && c.closed: // its call is about to end
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	case c != nil && (c.ended || c.left):
		h.block.reset = http2.ErrCodeStreamClosed
	case c != nil:
		h.block.call, h.block.trailer = c, &wire.StreamTrailers{}
	case f.StreamID <= h.newest:
		if !h.reset.has(f.StreamID) {
			return http2.ConnectionError(http2.ErrCodeStreamClosed)
		}
	case h.leave.step == told:
	default:
		h.newest = f.StreamID
		if h.chores.earn(10); selfish {
			h.block.reset = http2.ErrCodeProtocol
		} else if h.full() {
			h.block.reset = http2.ErrCodeRefusedStream
		} else {
			h.block.call = h.newCall(f.StreamID)
		}
	}
	return nil
}

// full reports whether the client has as many streams as it may. A handler that ends after its answer counts as
// long as there are not very many.
func (h *h2Conn) full() bool {
	return h.open >= mostStreams || h.open+h.held >= mostHandlers || len(h.streams) >= 4*mostStreams
}

func (h *h2Conn) addBlock(fragment []byte, last bool) error {
	b := &h.block
	if len(fragment) == 0 && !last {
		if err := h.chore(); err != nil {
			return err
		}
	}
	done, err := b.add(fragment, last)
	if err != nil || !done {
		return err
	}
	stream := b.stream
	b.stream = 0
	switch {
	case b.trailer != nil:
		if h.streams[stream] == b.call { // it has not ended meanwhile
			return h.endBody(b.call, b.trailer, b.ended)
		}
	case b.call != nil:
		b.call.complete(b.ended)
		h.begin(b.call)
		if wire.IsMalformed(b.call.bad) && !h.resets.spend(h.clock().Now()) {
			return tooMuch
		}
	case b.reset != http2.ErrCodeNo:
		return http2.StreamError{StreamID: stream, Code: b.reset}
	}
	return nil
}

// begin has a request answered.
func (h *h2Conn) begin(c *h2Call) {
	h.streams[c.id] = c
	h.ordinary++
	h.open++
	h.dropped.Store(false)
	h.phases()
	if c.again != nil {
		c.again <- true
		return
	}
	c.again = make(chan bool, 1)
	h.tasks.Add(1)
	go c.run()
}

// newCall returns a call for a stream.
func (h *h2Conn) newCall(stream uint32) *h2Call {
	var c *h2Call
	if n := len(h.free); n > 0 {
		c, h.free = h.free[n-1], h.free[:n-1]
		h.spare = min(h.spare, n-1)
	} else {
		c = h.set.streams.Get().(*h2Call)
		c.peer = h.peer
	}
	c.begin(h, stream)
	return c
}

// finished takes a call off the connection, and reports whether it is kept for another stream. It is called
// with mu held.
func (h *h2Conn) finished(c *h2Call) (kept bool) {
	delete(h.streams, c.id)
	c.end()
	if c.left {
		h.held--
	}
	if !c.lives {
		h.ordinary--
	}
	h.out.leave(c)
	h.giveBack(int64(len(c.in) + len(c.taken)))
	if kept = !c.faulty && !h.out.last; kept {
		c.forget()
		h.free = append(h.free, c)
	}
	if len(h.streams) == 0 {
		h.rested = h.clock().Now()
		h.armBy(h.rested + int64(tidyTime))
	}
	h.phases()
	return kept
}

// dismiss lets go of calls that wait for a stream, the n that have done so for the longest time. It is called
// with mu held.
func (h *h2Conn) dismiss(n int) {
	for i, c := range h.free[:n] {
		c.again <- false
		h.free[i] = nil
	}
	h.free = append(h.free[:0], h.free[n:]...)
	h.spare = len(h.free)
}
