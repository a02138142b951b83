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
