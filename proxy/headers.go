package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"purser/proxy/wire"
)

func appendField(b, name, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ':', ' ')
	b = append(b, value...)
	return append(b, '\r', '\n')
}

// appendFields appends the fields that go on to the other side, in their order and case.
func appendFields(b []byte, fields []wire.Field) []byte {
	for i := range fields {
		if f := &fields[i]; !f.Drop {
			b = appendField(b, f.Name, f.Value)
		}
	}
	return b
}

// appendTrailers appends a trailer section with its empty line.
func appendTrailers(b []byte, fields []wire.Field) []byte {
	return append(appendFields(b, fields), '\r', '\n')
}

// appendRequestHead appends the request head for the app, written from the parsed request.
func (x *exchange) appendRequestHead(b []byte) []byte {
	r := &x.req
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, x.host()...)
	b = append(b, '\r', '\n')
	trusted := x.conn.peer.trusted // then it is believed, and X-Forwarded-For is continued
	for i := range r.Fields {
		if f := &r.Fields[i]; !f.Drop && (!f.Forwarded() || trusted && f.ID != wire.XForwardedFor && f.ID != wire.XRealIP) {
			b = appendField(b, f.Name, f.Value)
		}
	}
	b = x.appendForwarded(b)
	switch {
	case r.WebSocketKey != nil:
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	case x.body.chunked():
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case x.body.size > 0 || r.Length != 0 || expectsBody(r.Method):
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, x.body.size, 10)
		b = append(b, '\r', '\n')
	}
	return append(b, '\r', '\n')
}

func (x *exchange) host() []byte {
	if len(x.req.Host) == 0 { // HTTP/1.0
		return []byte("localhost")
	}
	return x.req.Host
}

// expectsBody reports whether a request of that method is sent with a length even if it is 0.
func expectsBody(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// forwardedLines are the header lines about an untrusted peer that are the same for each request.
func forwardedLines(p peer, port string) []byte {
	if p.trusted || !p.addr.IsValid() {
		return []byte("X-Forwarded-Proto: http\r\n")
	}
	b := []byte("X-Forwarded-For: " + p.text + "\r\nX-Real-IP: " + p.text + "\r\nX-Forwarded-Proto: http\r\n")
	if port != "" {
		b = append(b, "X-Forwarded-Port: "+port+"\r\n"...)
	}
	return b
}

// appendForwarded appends who asked whom for what, and when.
func (x *exchange) appendForwarded(b []byte) []byte {
	p := &x.conn.peer
	if p.trusted {
		b = x.appendTrusted(b)
	} else {
		b = append(b, p.forwarded...)
		b = append(b, "X-Forwarded-Host: "...)
		b = append(b, x.host()...)
		b = append(b, '\r', '\n')
	}
	if !p.trusted || x.req.Get(wire.XRequestID) == nil {
		b = append(b, "X-Request-ID: "...)
		b = append(b, x.requestID()...)
		b = append(b, '\r', '\n')
	}
	if !p.trusted || x.req.Get(wire.XRequestStart) == nil {
		b = append(b, "X-Request-Start: t="...)
		b = strconv.AppendInt(b, x.conn.srv.clock.wall(x.began).UnixMilli(), 10)
		b = append(b, '\r', '\n')
	}
	return b
}

// appendTrusted continues what a trusted proxy in front of us began.
func (x *exchange) appendTrusted(b []byte) []byte {
	r, p := &x.req, &x.conn.peer
	b = append(b, "X-Forwarded-For: "...)
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == wire.XForwardedFor && !f.Drop && len(f.Value) > 0 {
			b = append(b, f.Value...)
			b = append(b, ", "...)
		}
	}
	b = append(b, p.text...)
	b = append(b, "\r\nX-Real-IP: "...)
	b = append(b, x.clientText()...)
	b = append(b, '\r', '\n')
	if r.Get(wire.XForwardedProto) == nil {
		b = append(b, "X-Forwarded-Proto: http\r\n"...)
	}
	if r.Get(wire.XForwardedHost) == nil {
		b = append(b, "X-Forwarded-Host: "...)
		b = append(b, x.host()...)
		b = append(b, '\r', '\n')
	}
	return b
}

// clientText returns the address of the client: the peer's, or, behind trusted proxies, the last
// address in X-Forwarded-For that is not one of them.
func (x *exchange) clientText() string {
	p := &x.conn.peer
	if !p.trusted {
		return p.text
	}
	client := p.text
	for i := len(x.req.Fields) - 1; i >= 0; i-- {
		if x.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		list := strings.Split(string(x.req.Fields[i].Value), ",")
		for j := len(list) - 1; j >= 0; j-- {
			a, err := netip.ParseAddr(strings.TrimSpace(list[j]))
			if err != nil {
				return client
			}
			if client = a.Unmap().String(); !x.conn.srv.trusts(a.Unmap()) {
				return client
			}
		}
	}
	return client
}

// requestID returns the id that the app, the log and an error page know this request by.
func (x *exchange) requestID() []byte {
	if x.id[0] == 0 {
		var raw [16]byte
		for i, half := range [2]uint64{rand.Uint64(), rand.Uint64()} {
			for j := range 8 {
				raw[8*i+j] = byte(half >> (8 * j))
			}
		}
		hex.Encode(x.id[:], raw[:])
	}
	return x.id[:]
}

func appendStatusLine(b []byte, status int, reason []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, reason...)
	return append(b, '\r', '\n')
}

// appendAnswerHead appends the head of the app's answer for the client.
func (x *exchange) appendAnswerHead(b []byte, keep bool) []byte {
	r, d := &x.answer.res, &x.delivery
	b = appendStatusLine(b, r.Status, r.Reason)
	b = x.appendPin(appendFields(b, r.Fields))
	if !r.HasDate {
		b = append(b, "Date: "...)
		b = append(b, x.conn.srv.clock.stamp.Load().header...)
		b = append(b, '\r', '\n')
	}
	switch {
	case d.out == byLength, d.out == noContent && r.Announced && r.Status != 204:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.Length, 10)
		b = append(b, '\r', '\n')
	case d.out == inChunks:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(x.appendConnection(b, keep), '\r', '\n')
}

// appendConnection says what will become of the connection, where that is not the default.
func (x *exchange) appendConnection(b []byte, keep bool) []byte {
	switch {
	case !keep:
		return append(b, "Connection: close\r\n"...)
	case x.req.Minor == 0:
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

// acceptKey is what a server proves with that it understood a WebSocket handshake (RFC 6455 section
// 4.2.2).
func acceptKey(key []byte) []byte {
	sum := sha1.Sum(append(key[:len(key):len(key)], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.AppendEncode(nil, sum[:])
}
