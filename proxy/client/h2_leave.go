package client

import (
	"time"

	"golang.org/x/net/http2"
)

// An h2Leave is how far a connection is that is to end with what it is at (RFC 9113 section 6.8). First the
// client is warned, and what it has sent until it knows of that is served; then it is told what was the last.
type h2Leave struct {
	step leaveStep
	at   int64 // when it was warned
}

type leaveStep uint8

const (
	staying leaveStep = iota
	warned            // until the client knows, or some time has passed
	told              // until the last stream has ended
)

// lastRoundTrip is how long the answer to a PING may take that says that the client knows.
const lastRoundTrip = time.Second

// leavePing is the PING that goes out with the warning.
var leavePing = [8]byte{'s', 't', 'o', 'p', 'p', 'i', 'n', 'g'}

// next takes the next step if it is due. It is called with mu held.
func (l *h2Leave) next(s *h2Streams, now int64) {
	switch {
	case l.step == staying:
		*l = h2Leave{warned, now}
		s.out.warn()
	case l.step == warned && now >= l.due():
		l.tellLast(s)
	}
}

// known is called when the client has answered a PING: if it was that of the warning, it knows.
func (l *h2Leave) known(s *h2Streams, ping [8]byte) {
	if ping == leavePing && l.step == warned {
		l.tellLast(s)
	}
}

// due is when the client has been warned for long enough.
func (l *h2Leave) due() int64 { return l.at + int64(lastRoundTrip) }

// tellLast says which stream was the last. Those that come now are the client's to send again elsewhere.
func (l *h2Leave) tellLast(s *h2Streams) {
	l.step = told
	s.goAway(http2.ErrCodeNo)
}
