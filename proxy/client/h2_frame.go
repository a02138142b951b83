package client

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// frameHeader is the length of the header of a frame (RFC 9113 section 4.1).
const frameHeader = 9

// appendFrame appends a frame, or its header alone if payload is to be appended by the caller.
func appendFrame(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32, payload ...byte) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags))
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

func appendReset(b []byte, stream uint32, code http2.ErrCode) []byte {
	b = appendFrame(b, 4, http2.FrameRSTStream, 0, stream)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindowUpdate(b []byte, stream uint32, n int64) []byte {
	b = appendFrame(b, 4, http2.FrameWindowUpdate, 0, stream)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendGoAway(b []byte, last uint32, code http2.ErrCode) []byte {
	b = appendFrame(b, 8, http2.FrameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendSettings(b []byte, settings ...http2.Setting) []byte {
	b = appendFrame(b, 6*len(settings), http2.FrameSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, uint16(s.ID))
		b = binary.BigEndian.AppendUint32(b, s.Val)
	}
	return b
}

// appendBlock appends a header block, in as many frames as it needs.
func appendBlock(b, block []byte, most int, flags http2.Flags, stream uint32) []byte {
	kind := http2.FrameHeaders
	for {
		n := min(len(block), most)
		if n == len(block) {
			flags |= http2.FlagHeadersEndHeaders
		}
		b = append(appendFrame(b, n, kind, flags, stream), block[:n]...)
		if block = block[n:]; len(block) == 0 {
			return b
		}
		kind, flags = http2.FrameContinuation, 0
	}
}
