package proxy

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"

	"purser/proxy/wire"
)

// What an app is told about the client. A stranger's word for it is dropped; a trusted proxy's is
// believed, and X-Forwarded-For continued (trusted.go).
var (
	forwardedFor   = []byte("X-Forwarded-For")
	forwardedProto = []byte("X-Forwarded-Proto")
	forwardedHost  = []byte("X-Forwarded-Host")
	forwardedPort  = []byte("X-Forwarded-Port")
	realIP         = []byte("X-Real-IP")
	requestIDName  = []byte("X-Request-ID")
	requestStart   = []byte("X-Request-Start")

	schemeHTTP  = []byte("http")
	schemeHTTPS = []byte("https")
	portHTTP    = []byte("80")
	portHTTPS   = []byte("443")
	localhost   = []byte("localhost")
)

// dropForwarded drops from the request what only we may say.
func (x *exchange) dropForwarded() {
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.Forwarded() && (!x.peer.Trusted || rewritten(f.ID) || len(f.Value) == 0) {
			f.Drop = true
		}
	}
}

// rewritten reports fields that are written anew whoever has sent them.
func rewritten(id wire.FieldID) bool {
	switch id {
	case wire.XForwardedFor, wire.XForwardedHost, wire.XForwardedPort, wire.XForwardedProto, wire.XRealIP, wire.XRequestID:
		return true
	}
	return false
}

// forwardedLines are an exchange as what we say.
type forwardedLines exchange

func (l *forwardedLines) AppendTo(b []byte) []byte {
	x := (*exchange)(l)
	if x.peer.Trusted {
		b = x.appendTrusted(b)
	} else {
		b = append(b, x.strangerLines()...)
		b = wire.AppendField(b, forwardedPort, x.port())
		b = wire.AppendField(b, forwardedHost, x.host())
	}
	b = wire.AppendField(b, requestIDName, x.requestID())
	if x.believed(wire.XRequestStart) == nil {
		b = x.appendStart(b)
	}
	return b
}

// strangerLines are the same for all requests of a peer that is not trusted.
func (x *exchange) strangerLines() []byte {
	if x.peer.Memo == nil {
		var b []byte
		if x.peer.Text != nil { // on a unix socket it has no address
			b = wire.AppendField(b, forwardedFor, x.peer.Text)
			b = wire.AppendField(b, realIP, x.peer.Text)
		}
		x.peer.Memo = wire.AppendField(b, forwardedProto, schemeHTTP)
	}
	return x.peer.Memo
}

// appendTrusted completes what a trusted proxy in front of us says.
func (x *exchange) appendTrusted(b []byte) []byte {
	if path := x.path(); len(path) > 0 {
		b = wire.AppendField(b, forwardedFor, path)
	}
	if client := x.client(); client != nil {
		b = wire.AppendField(b, realIP, client)
	}
	b = wire.AppendField(b, forwardedProto, x.scheme())
	b = wire.AppendField(b, forwardedPort, x.port())
	return wire.AppendField(b, forwardedHost, x.forwardedHost())
}

// host returns what the request asks for; HTTP/1.0 need not say.
func (x *exchange) host() []byte {
	if len(x.req.Host) == 0 {
		return localhost
	}
	return x.req.Host
}

// port returns the port that the client asked for: the one in the host, or the scheme's own. Only if it
// named no host is it the listener's.
func (x *exchange) port() []byte {
	if said := x.first(wire.XForwardedPort); wire.IsPort(said) {
		return said
	}
	port, host := x.req.Port, x.req.Host
	if said, itsPort := x.saidHost(); said != nil {
		port, host = itsPort, said
	}
	switch {
	case len(port) > 0:
		return port
	case len(host) == 0 && x.peer.Port != nil:
		return x.peer.Port
	case x.secure():
		return portHTTPS
	}
	return portHTTP
}

// appendStart says when the request came, in milliseconds.
func (x *exchange) appendStart(b []byte) []byte {
	var memory [24]byte
	text := strconv.AppendInt(append(memory[:0], "t="...), x.srv.clock.Wall(x.call.Began()).UnixMilli(), 10)
	return wire.AppendField(b, requestStart, text)
}

// longestID is how long an id may be that a trusted proxy has given a request.
const longestID = 128

// requestID returns the id that the app, the log and an error page know this request by: that of a
// trusted proxy, or one of ours.
func (x *exchange) requestID() []byte {
	if x.story.requestID != nil {
		return x.story.requestID
	}
	x.story.requestID = x.believed(wire.XRequestID)
	if id := x.story.requestID; id == nil || len(id) > longestID || !wire.IsToken(id) {
		var raw [16]byte
		for i, half := range [2]uint64{rand.Uint64(), rand.Uint64()} {
			for j := range 8 {
				raw[8*i+j] = byte(half >> (8 * j))
			}
		}
		hex.Encode(x.id[:], raw[:])
		x.story.requestID = x.id[:]
	}
	return x.story.requestID
}
