package wire

import (
	"strings"
	"testing"
)

// section makes a request of the fields of a header section, "name: value" each.
func section(ended bool, lines ...string) (*Request, error) {
	var h StreamHead
	r := &Request{}
	h.Begin(r)
	for _, line := range lines {
		at := strings.Index(line[1:], ":") + 1
		h.Add(line[:at], strings.TrimPrefix(line[at+1:], " "))
	}
	return r, h.Complete(ended)
}

func TestHeaderSectionBecomesTheRequestThatHTTP1WouldHaveMade(t *testing.T) {
	r, err := section(true, ":method: GET", ":scheme: https", ":path: /a/../b?c=d", ":authority: a.example:8080",
		"cookie: a=1", "te: trailers", "x-y: z", "cookie: b=2", "cookie: c=3")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"method", string(r.Method), "GET"}, {"target", string(r.Target), "/a/../b?c=d"}, {"path", string(r.Path), "/a/../b"},
		{"host", string(r.Host), "a.example:8080"}, {"port", string(r.Port), "8080"},
		{"cookie", string(r.Get(Cookie)), "a=1; b=2; c=3"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	if !r.Trailers || !r.ReviewPath || !r.HTTP2 || r.Length != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestBodyIsAsLongAsAnnouncedOrAsItsStream(t *testing.T) {
	head := []string{":method: POST", ":scheme: http", ":path: /", ":authority: a"}
	for _, c := range []struct {
		lines  []string
		ended  bool
		length int64
	}{
		{nil, true, 0}, {nil, false, -1}, {[]string{"content-length: 0"}, true, 0}, {[]string{"content-length: 7"}, false, 7},
	} {
		r, err := section(c.ended, append(head[:4:4], c.lines...)...)
		if err != nil || r.Length != c.length {
			t.Errorf("%v, ended: %v: got %d, %v; want %d", c.lines, c.ended, r.Length, err, c.length)
		}
	}
}

func TestHeaderSectionThatHTTP2ForbidsIsMalformed(t *testing.T) {
	for _, lines := range []string{
		"X-Upper: a", "a b: c", ": a", "x-nul: a\x00b", "x-lf: a\nb", "x-cr: a\rb", "x-space:  a", "x-space: a ", "x-tab: \ta", "x-del: \x7f",
		"connection: close", "keep-alive: 5", "proxy-connection: close", "transfer-encoding: chunked", "upgrade: websocket",
		"te: gzip", "te: trailers, gzip", ":method: GET", ":status: 200", "cookie: a\nb",
		"content-length: 5", "content-length: x", "content-length: 0|content-length: 0",
	} {
		all := append([]string{":method: GET", ":scheme: http", ":path: /", ":authority: a"}, strings.Split(lines, "|")...)
		if _, err := section(true, all...); !IsMalformed(err) {
			t.Errorf("%q: got %v, want it malformed", lines, err)
		}
	}
	for _, c := range []string{
		":scheme: http|:path: /|:authority: a",
		":method: GET|:path: /|:authority: a",
		":method: GET|:scheme: http|:authority: a",
		":method: GET|:method: GET|:scheme: http|:path: /|:authority: a",
		":method: GET|:scheme: http|:path: /|:path: /|:authority: a",
		":method: GET|:scheme: http|:path:|:authority: a",
		":method: GET|:scheme: http|:path: *|:authority: a",
		":method: GET|:scheme: http|:path: a|:authority: a",
		":method: GET|:scheme: http|:path: http://a/|:authority: a",
		":method: GET|:scheme: http|:path: /?a HTTP/1.1|:authority: a",
		":method: GET|:scheme: http|:path: /#a|:authority: a",
		":method: GET|:scheme: http|:path: /\x80|:authority: a",
		":method: GET|:scheme: http|:path: /\r\n|:authority: a",
		":method: GET / HTTP/1.1|:scheme: http|:path: /|:authority: a",
		":method: G\r\n|:scheme: http|:path: /|:authority: a",
		":method: GET|:scheme: ftp|:path: /|:authority: a",
		":method: GET|:scheme: http |:path: /|:authority: a",
		":method: GET|x-a: b|:scheme: http|:path: /|:authority: a",
		":method: GET|:scheme: http|:path: /|:authority: a|:protocol: websocket",
		":method: CONNECT|:scheme: http|:path: /|:authority: a",
	} {
		if _, err := section(true, strings.Split(c, "|")...); !IsMalformed(err) {
			t.Errorf("%q: got %v, want it malformed", c, err)
		}
	}
}

func TestWhatIsRefusedWithAnAnswerIsNotMalformed(t *testing.T) {
	many := ":method: GET|:scheme: http|:path: /|:authority: a" + strings.Repeat("|x: y", maxFields+1)
	for _, c := range []struct {
		lines  string
		status int
	}{
		{":method: GET|:scheme: http|:path: /", 400},
		{":method: GET|:scheme: http|:path: /|:authority: u@a", 400},
		{":method: GET|:scheme: http|:path: /|:authority:", 400},
		{":method: GET|:scheme: http|:path: /|:authority: a|host: b", 400},
		{":method: GET|:scheme: http|:path: /|host: a b", 400},
		{":method: GET|:scheme: http|:path: /|:authority: a|authorization: a|authorization: b", 400},
		{":method: GET|:scheme: http|:path: /|:authority: a|expect: more", 417},
		{":method: GET|:scheme: http|:authority: a|:path: /" + strings.Repeat("a", MaxTarget), 414},
		{":method: GET|:scheme: http|:path: /|:authority: a|x: " + strings.Repeat("a", maxLine), 431},
		{":method: GET|:scheme: http|:path: /|:authority: a|x: " + strings.Repeat("a", MaxHead), 431},
		{many, 431},
		{":method: GET|:scheme: http|:path: /|:authority: a|via: 2 purser, 2 purser, 2 purser", 508},
		{":method: TRACE|:scheme: http|:path: /|:authority: a", 405},
		{":method: CONNECT|:authority: a:443", 405},
		{":method: CONNECT|:protocol: other|:scheme: http|:path: /|:authority: a", 501},
		{":method: CONNECT|:protocol: websocket|:scheme: http|:path: /|:authority: a", 400},
	} {
		_, err := section(true, strings.Split(c.lines, "|")...)
		e, ok := err.(*Error)
		if !ok || IsMalformed(err) || e.Status != c.status {
			t.Errorf("%.90q: got %v, want %d", c.lines, err, c.status)
		}
	}
	if _, err := section(true, ":method: GET", ":scheme: http", ":path: /", ":authority: A.example", "host: a.example"); err != nil {
		t.Errorf("a Host that says the same: %v", err)
	}
}

func TestExtendedCONNECTIsTheHandshakeOfAWebSocket(t *testing.T) {
	var h StreamHead
	r := &Request{}
	h.Begin(r)
	for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"}, {":authority", "a"}, {"sec-websocket-version", "13"}} {
		h.Add(f[0], f[1])
	}
	if err := h.Complete(false); err != nil || !h.WebSocket() {
		t.Fatalf("got %v", err)
	}
	h.UseKey([]byte("dGhlIHNhbXBsZSBub25jZQ=="))
	if string(r.Method) != "GET" || r.Length != 0 || r.Chunked || r.WebSocketKey == nil || r.Get(SecWebSocketKey) == nil {
		t.Errorf("got %+v", r)
	}
}

func TestTrailersAreCheckedAndWhatTheyMayNotCarryIsDropped(t *testing.T) {
	var ok StreamTrailers
	ok.Add("x-sum", "1")
	ok.Add("content-length", "1")
	if err := ok.Complete(); err != nil || len(ok.Fields) != 2 || ok.Fields[0].Drop || !ok.Fields[1].Drop {
		t.Errorf("got %+v, %v", ok.Fields, err)
	}
	for _, name := range []string{":path", "X-Upper", "", "connection", "transfer-encoding", "upgrade"} {
		var bad StreamTrailers
		bad.Add(name, "a")
		if !IsMalformed(bad.Complete()) {
			t.Errorf("%q: got %v, want it malformed", name, bad.Complete())
		}
	}
}
