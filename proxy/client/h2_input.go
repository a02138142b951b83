package client

import (
	"errors"
	"io"
	"sync"

	"golang.org/x/net/http2"
)

// An h2Input is what has come of a client's frames and is not used up. It is borrowed: a connection that
// waits for its client holds none.
type h2Input struct {
	in     []byte
	at     int // in[at:have] are not used up
	have   int
	framer *http2.Framer // reads from it; it knows the order of frames of a header block
}

// protocolError ends the connection of a client that breaks a rule.
const protocolError = http2.ConnectionError(http2.ErrCodeProtocol)

var h2Inputs = sync.Pool{New: func() any {
	i := &h2Input{in: make([]byte, 2*framePayload)}
	i.framer = http2.NewFramer(io.Discard, i)
	i.framer.SetMaxReadFrameSize(framePayload)
	i.framer.SetReuseFrames()
	return i
}}

// Read makes it the reader of its framer, which is only asked to read a frame that is here.
func (i *h2Input) Read(p []byte) (int, error) {
	if i.at == i.have {
		return 0, io.EOF
	}
	n := copy(p, i.in[i.at:i.have])
	i.at += n
	return n, nil
}

func (i *h2Input) empty() bool { return i.at == i.have }

// space lends the memory behind what has come.
func (i *h2Input) space() []byte {
	if i.at > 0 {
		i.have = copy(i.in, i.in[i.at:i.have])
		i.at = 0
	}
	return i.in[i.have:]
}

// take takes bytes that were read before.
func (i *h2Input) take(p []byte) []byte {
	n := copy(i.space(), p)
	i.have += n
	return p[n:]
}

// preface looks for what a client says first (RFC 9113 section 3.4).
func (i *h2Input) preface() (ok bool, err error) {
	in := i.in[i.at:i.have]
	n := min(len(in), len(http2.ClientPreface))
	if string(in[:n]) != http2.ClientPreface[:n] {
		return false, protocolError
	}
	if n < len(http2.ClientPreface) {
		return false, nil
	}
	i.at += n
	return true, nil
}

// next returns the next frame, or none if it is not here to its end. Its memory is lent until the next call.
// An error ends the connection or, if it is a StreamError, the stream.
func (i *h2Input) next() (http2.Frame, error) {
	in := i.in[i.at:i.have]
	if len(in) < frameHeader {
		return nil, nil
	}
	length := int(in[0])<<16 | int(in[1])<<8 | int(in[2])
	if length <= framePayload && len(in) < frameHeader+length {
		return nil, nil
	}
	kind := http2.FrameType(in[3])
	f, err := i.framer.ReadFrame()
	var stream http2.StreamError
	var conn http2.ConnectionError
	switch {
	case err == nil, errors.As(err, &conn):
		return f, err
	case errors.As(err, &stream):
		if kind == http2.FrameHeaders { // its block was not decoded, so that none after it can be
			return nil, http2.ConnectionError(stream.Code)
		}
		return nil, err
	}
	return nil, http2.ConnectionError(http2.ErrCodeFrameSize)
}
