package proxy

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strconv"

	"purser/proxy/client"
	"purser/proxy/wire"
)

// An origin is what a request says about who asks for what. A stranger's word for it is dropped; a trusted
// proxy's is believed, and X-Forwarded-For continued (trusted.go).
type origin struct {
	peer      *client.Peer
	req       *wire.Request
	to        *site // whose app is told: the exchange's
	trusts    func(netip.Addr) bool
	trustUnix bool   // who connects over a unix socket is trusted
	traced    bool   // trace is ours
	since     int64  // Unix milliseconds, when it came
	addr      []byte // of the client, once it was asked for
	id        []byte // of the request, once it was asked for
	idMemory  [32]byte

	conditions []byte // lines by which the app is asked whether what is stored is still so; nil = it is not
	trace      [traceSize]byte
}

var (
	forwardedFor   = []byte("X-Forwarded-For")
	forwardedProto = []byte("X-Forwarded-Proto")
	forwardedHost  = []byte("X-Forwarded-Host")
	forwardedPort  = []byte("X-Forwarded-Port")
	realIP         = []byte("X-Real-IP")
	requestIDName  = []byte("X-Request-ID")
	sendfileType   = []byte("X-Sendfile-Type")
	accelMapping   = []byte("X-Accel-Mapping")

	schemeHTTP  = []byte("http")
	schemeHTTPS = []byte("https")
	portHTTP    = []byte("80")
	portHTTPS   = []byte("443")
)

// begin makes it that of another request.
func (o *origin) begin(peer *client.Peer, req *wire.Request) {
	o.peer, o.req, o.traced, o.addr, o.id, o.conditions = peer, req, false, nil, nil, nil
}

// dropForwarded drops from the request what only we may say.
func (o *origin) dropForwarded() {
	if !o.req.Forwarded {
		return
	}
	for i := range o.req.Fields {
		if f := &o.req.Fields[i]; f.Forwarded() && (!o.peer.Trusted || o.rewrites(f.ID) || len(f.Value) == 0) {
			f.Drop = true
		}
	}
}

// rewrites reports fields that are written anew whoever has sent them.
func (o *origin) rewrites(id wire.FieldID) bool {
	switch id {
	case wire.XSendfileType, wire.XAccelMapping:
		return o.to.accel != nil
	case wire.XForwardedFor, wire.XForwardedHost, wire.XForwardedPort, wire.XForwardedProto, wire.XRealIP, wire.XRequestID:
		return true
	}
	return false
}

// AppendTo appends what we say to the app.
func (o *origin) AppendTo(b []byte) []byte {
	if o.peer.Trusted {
		b = o.appendTrusted(b)
	} else {
		if o.peer.Memo == nil {
			o.peer.Memo = strangerLines(o.peer)
		}
		b = append(b, o.peer.Memo...)
		b = wire.AppendField(b, forwardedPort, o.port())
		b = wire.AppendField(b, forwardedHost, o.req.HostOrLocal())
	}
	if o.to.accel != nil {
		b = append(b, o.to.accel.offer()...)
	}
	b = wire.AppendField(b, requestIDName, o.requestID())
	if o.traced {
		b = wire.AppendField(b, traceparent, o.trace[:])
	}
	if o.believed(wire.XRequestStart) == nil {
		b = append(strconv.AppendInt(append(b, requestStart...), o.since, 10), '\r', '\n')
	}
	if o.to.headers != nil {
		for _, f := range o.to.headers.requestSet {
			b = wire.AppendField(b, f.Name, f.Value)
		}
	}
	if o.conditions != nil {
		b = append(b, o.conditions...)
	}
	return append(b, o.via()...)
}

// requestStart is the line that says when a request came, up to that.
const requestStart = "X-Request-Start: t="

const (
	via10 = "Via: 1.0 " + wire.Pseudonym + "\r\n"
	via11 = "Via: 1.1 " + wire.Pseudonym + "\r\n"
	via2  = "Via: 2 " + wire.Pseudonym + "\r\n"
)

// via is how a request that comes back to us is known (RFC 9110 section 7.6.3). It names the protocol that the
// request came by, and stands behind what others have said.
func (o *origin) via() string {
	switch {
	case o.req.HTTP2:
		return via2
	case o.req.Minor == 0:
		return via10
	}
	return via11
}

// strangerLines are the same for all requests of a peer that is not trusted.
func strangerLines(peer *client.Peer) (b []byte) {
	if peer.Text != nil { // on a unix socket it has no address
		b = wire.AppendField(b, forwardedFor, peer.Text)
		b = wire.AppendField(b, realIP, peer.Text)
	}
	if peer.Secure {
		return wire.AppendField(b, forwardedProto, schemeHTTPS)
	}
	return wire.AppendField(b, forwardedProto, schemeHTTP)
}

// appendTrusted completes what a trusted proxy in front of us says.
func (o *origin) appendTrusted(b []byte) []byte {
	if path := o.path(); len(path) > 0 {
		b = wire.AppendField(b, forwardedFor, path)
	}
	if addr := o.client(); addr != nil {
		b = wire.AppendField(b, realIP, addr)
	}
	b = wire.AppendField(b, forwardedProto, o.scheme())
	b = wire.AppendField(b, forwardedPort, o.port())
	return wire.AppendField(b, forwardedHost, o.forwardedHost())
}

// port returns the port that the client asked for: the one in the host, or the scheme's own. Only if it
// named no host is it the listener's.
func (o *origin) port() []byte {
	port, host := o.req.Port, o.req.Host
	if o.peer.Trusted {
		if said := o.first(wire.XForwardedPort); wire.IsPort(said) {
			return said
		}
		if said, itsPort := o.saidHost(); said != nil {
			port, host = itsPort, said
		}
	}
	switch {
	case len(port) > 0:
		return port
	case len(host) == 0 && o.peer.Port != nil:
		return o.peer.Port
	case o.secure():
		return portHTTPS
	}
	return portHTTP
}

// longestID is how long an id may be that a trusted proxy has given a request.
const longestID = 128

// requestID returns the id that the app, the log and an error page know this request by: that of a
// trusted proxy, or one of ours.
func (o *origin) requestID() []byte {
	if o.id != nil {
		return o.id
	}
	o.id = o.believed(wire.XRequestID)
	if o.id == nil || len(o.id) > longestID || !wire.IsToken(o.id) {
		for at := 0; at < len(o.idMemory); at += 16 {
			putHex(o.idMemory[at:], rand.Uint64())
		}
		o.id = o.idMemory[:]
	}
	return o.id
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
