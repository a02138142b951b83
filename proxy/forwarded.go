package proxy

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strconv"

	"purser/proxy/wire"
)

// What an app is told about the client. A stranger's word for it is dropped; a trusted proxy's is
// believed, and X-Forwarded-For continued.
var (
	forwardedFor   = []byte("X-Forwarded-For")
	forwardedProto = []byte("X-Forwarded-Proto")
	forwardedHost  = []byte("X-Forwarded-Host")
	forwardedPort  = []byte("X-Forwarded-Port")
	realIP         = []byte("X-Real-IP")
	requestIDName  = []byte("X-Request-ID")
	requestStart   = []byte("X-Request-Start")

	schemeHTTP = []byte("http")
	portHTTP   = []byte("80")
	portHTTPS  = []byte("443")
	localhost  = []byte("localhost")
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
	return id == wire.XForwardedFor || id == wire.XRealIP || id == wire.XRequestID
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
	if x.believed(wire.XForwardedProto) == nil {
		b = wire.AppendField(b, forwardedProto, schemeHTTP)
	}
	if x.believed(wire.XForwardedPort) == nil {
		b = wire.AppendField(b, forwardedPort, x.port())
	}
	if x.believed(wire.XForwardedHost) == nil {
		b = wire.AppendField(b, forwardedHost, x.host())
	}
	return b
}

// path says through whom the request came: whom a trusted proxy has named, and the peer, unless it has no
// address.
func (x *exchange) path() []byte {
	var names [][]byte
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.ID == wire.XForwardedFor && len(f.Value) > 0 {
			names = append(names, f.Value)
		}
	}
	if x.peer.Text != nil {
		names = append(names, x.peer.Text)
	}
	return bytes.Join(names, []byte(", "))
}

// believed returns what a trusted proxy says in a field, or nil.
func (x *exchange) believed(id wire.FieldID) []byte {
	if !x.peer.Trusted {
		return nil
	}
	if value := x.req.Get(id); len(value) > 0 {
		return value
	}
	return nil
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
	port, host := x.req.Port, x.req.Host
	if said := x.believed(wire.XForwardedHost); said != nil {
		port, host = wire.Port(said), said
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

// secure reports whether the client is known to have used https: a trusted proxy in front says so.
func (x *exchange) secure() bool {
	return wire.EqualFold(x.believed(wire.XForwardedProto), "https")
}

// appendStart says when the request came, in milliseconds.
func (x *exchange) appendStart(b []byte) []byte {
	var memory [24]byte
	text := strconv.AppendInt(append(memory[:0], "t="...), x.srv.clock.Wall(x.call.Began()).UnixMilli(), 10)
	return wire.AppendField(b, requestStart, text)
}

// client returns the address of the client, or nil if it is not known: the peer's, or, behind trusted
// proxies, the last address in X-Forwarded-For that is not one of them.
func (x *exchange) client() []byte {
	if x.story.client == nil {
		x.story.client = x.peer.Text
		if x.peer.Trusted {
			x.story.client = x.forwardedClient(x.story.client)
		}
	}
	return x.story.client
}

func (x *exchange) forwardedClient(client []byte) []byte {
	for i := len(x.req.Fields) - 1; i >= 0; i-- {
		if x.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		for list := x.req.Fields[i].Value; len(list) > 0; {
			comma := bytes.LastIndexByte(list, ',')
			a, ok := wire.ForwardedAddr(list[comma+1:])
			if !ok {
				return client
			}
			if client = a.AppendTo(nil); !x.srv.conns.Trusts(a) {
				return client
			}
			list = list[:max(comma, 0)]
		}
	}
	return client
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
		putHex(x.id[:16], rand.Uint64())
		putHex(x.id[16:], rand.Uint64())
		x.story.requestID = x.id[:]
	}
	return x.story.requestID
}

// putHex writes eight random bytes as sixteen hexadecimal digits, all at once: half-bytes above 9 are
// those that 6 carries over, and their digits lie 39 further on.
func putHex(b []byte, random uint64) {
	const each = 0x0101010101010101
	for i, half := range [2]uint64{random & (0x0f * each), random >> 4 & (0x0f * each)} {
		letters := (half + 6*each) >> 4 & each
		binary.LittleEndian.PutUint64(b[8*i:], half+'0'*each+letters*39)
	}
}
