package wire

import "encoding/binary"

// Codes of a Close frame (RFC 6455 section 7.4 and its IANA registry).
const CloseRestart = 1012 // the service restarts; the client may connect again

const (
	opClose    = 8
	maxFrame   = 14 // bytes of the longest frame header
	maxControl = 125
)

// Frames follows one direction of a WebSocket by the headers of its frames (RFC 6455 section 5.2). It
// looks at nothing else, and refuses nothing: what is no WebSocket merely has no boundaries.
type Frames struct {
	head   [maxFrame]byte // of the present frame
	have   int            // bytes of it; 0 = between two frames, or in a payload
	left   uint64         // bytes of payload to come
	closed bool
}

// Next takes n bytes off the front of p: at most up to the end of the present frame.
func (f *Frames) Next(p []byte) (n int) {
	for f.left == 0 {
		if n == len(p) {
			return n
		}
		f.head[f.have] = p[n]
		f.have++
		n++
		if f.have < 2 || f.have < f.need() {
			continue
		}
		f.closed = f.closed || f.head[0]&0x0f == opClose
		f.left = f.length()
		f.have = 0
		if f.left == 0 {
			return n
		}
	}
	payload := min(f.left, uint64(len(p)-n))
	f.left -= payload
	return n + int(payload)
}

// need is the length of the present frame's header, of which two bytes have come.
func (f *Frames) need() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// length is the length of the payload, once the header is complete.
func (f *Frames) length() uint64 {
	switch n := f.head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.head[2:])
	default:
		return uint64(n)
	}
}

// Follow takes all of p.
func (f *Frames) Follow(p []byte) {
	for len(p) > 0 {
		p = p[f.Next(p):]
	}
}

// Between reports whether what was taken ends with a frame, so that one of ours may follow.
func (f *Frames) Between() bool { return f.have == 0 && f.left == 0 }

// Closed reports whether a Close frame was among them, whole or begun: no frame may follow it (RFC 6455
// section 5.5.1).
func (f *Frames) Closed() bool { return f.closed }

// AppendClose appends a Close frame with a code and a reason of at most 123 bytes. What goes to a
// server must be masked (RFC 6455 section 5.3), with a mask that nobody can foresee.
func AppendClose(b []byte, code uint16, reason string, masked bool, mask uint32) []byte {
	var payload [maxControl]byte
	binary.BigEndian.PutUint16(payload[:], code)
	n := 2 + copy(payload[2:], reason)
	b = append(b, 0x80|opClose)
	if !masked {
		return append(append(b, byte(n)), payload[:n]...)
	}
	var key [4]byte
	binary.BigEndian.PutUint32(key[:], mask)
	b = append(append(b, 0x80|byte(n)), key[:]...)
	for i, c := range payload[:n] {
		b = append(b, c^key[i%4])
	}
	return b
}
