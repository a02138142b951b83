package wire

import (
	"fmt"
	"strings"
	"testing"
)

// hostLine returns a request with that Host.
func hostLine(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }

func TestHost(t *testing.T) {
	cases := []requestCase{
		{"19 HTTP 1.1 without Host", "GET / HTTP/1.1\r\n\r\n", 400, ""},
		{"19 HTTP 1.1 with other fields only", "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", 400, ""},
		{"19 HTTP 1.2 without Host", "GET / HTTP/1.2\r\n\r\n", 400, ""},
		{"19 HTTP 1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0, "GET / 1.0 host="},
		{"20 two Hosts that differ", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
		{"20 two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, ""},
		{"20 two Hosts in HTTP 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHOST: a\r\n\r\n", 400, ""},
		{"21 empty in HTTP 1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 400, ""},
		{"21 of 255 bytes", hostLine(strings.Repeat("a", 255) + ":65535"), 0, ""},
		{"21 of 262 bytes", hostLine(strings.Repeat("a", 262)), 400, ""},
	}
	for _, host := range []string{"a", "a.test", "A.Test.", "a-b_c.test:80", "127.0.0.1:3000", "a:0", "a:65535", "[::1]", "[::1]:80", "[2001:db8::1:2]", "[::ffff:1.2.3.4]:1", "a:", "a.test.:", "[::1]:"} {
		cases = append(cases, requestCase{"21 proper " + host, hostLine(host), 0, "GET / 1.1 host=" + host})
	}
	runRequests(t, append(cases, refusedEach("21", 400, hostLine("$"), "", " ", "a b", "a/b", "a@b", "u:p@b", "a,b", "a\x00b", "a:99999", "a:65536",
		"a:x", ":80", ":", "::", "a::", "a:b:80", "a:-1", "a:+80", "a: 80", "[::1", "[::1:80", "[::1x", "[::1]]", "[[::1]]", "::1]", "::1", "[::1]x", "[::1]x:80", "[::1]:80:80", "[::1]::", "[]", "[]:", "[", "]", "[a", "a]",
		"[1.2.3.4]", "[fe80::1%25eth0]", "[::1%1]", "[v1.a]", "[:::]", "[12345::]", "a?b", "a#b", "a\\b", "a%41", "a;b", "a!", "a$b", "a'b", "(a)", "a*", "*", "a+b", "a=b", "a~b", "\"a\"", "<a>", "a\x80")...))
}

func TestFields(t *testing.T) {
	fields := func(n int) string {
		var lines []string
		for i := range n - 1 { // Host is one
			lines = append(lines, fmt.Sprintf("X-%d: a", i))
		}
		return with(lines...)
	}
	long := strings.Repeat("v", maxLine-len("X: "))
	runRequests(t, append([]requestCase{
		{"24 space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, ""},
		{"24 tab before the first header", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400, ""},
		{"24 folded request line", "GET / HTTP/1.1\r\n X\r\nHost: a\r\n\r\n", 400, ""},
		{"25 folded by a space", with("X: a", " b"), 400, ""},
		{"25 folded by a tab", with("X: a", "\tb"), 400, ""},
		{"25 folded by white space alone", with("X: a", " "), 400, ""},
		{"25 folded at the end", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400, ""},
		{"26 space before the colon", with("X : a"), 400, ""},
		{"26 tab before the colon", with("X\t: a"), 400, ""},
		{"26 space before the colon of Transfer-Encoding", with("Transfer-Encoding : chunked"), 400, ""},
		{"27 empty name", with(": a"), 400, ""},
		{"27 no colon", with("X"), 400, ""},
		{"27 no colon but a space", with("X a"), 400, ""},
		{"28 tab inside a value", with("X: a\tb"), 0, "GET / 1.1 host=a.test X=a\tb"},
		{"28 obs-text is kept", with("X: \x80\x85\xa0\xff"), 0, "GET / 1.1 host=a.test X=\x80\x85\xa0\xff"},
		{"29 names that read as others are dropped", with("X_Forwarded_For: a", "X.Y: b", "Proxy: c", "!~Passenger: d", "_: e", "X-Y: f", "!~: g", "!: h"), 0,
			"GET / 1.1 host=a.test X-Y=f !=h"},
		{"30 100 fields", fields(100), 0, ""},
		{"30 101 fields", fields(101), 431, ""},
		{"30 line of 16 KiB", with("X: " + long), 0, ""},
		{"30 line above 16 KiB", with("X: " + long + "v"), 431, ""},
		{"30 white space counts", with("X: " + long[1:] + "  "), 431, ""},
		{"31 white space around a value", with("X: \t a b \t "), 0, "GET / 1.1 host=a.test X=a b"},
		{"31 no white space before a value", with("X:a"), 0, "GET / 1.1 host=a.test X=a"},
		{"31 empty values", with("A:", "B: ", "C: \t"), 0, "GET / 1.1 host=a.test A= B= C="},
		{"31 order and case are kept", with("b: 1", "A: 2", "B: 3", "COOKIE: x", "cookie: y"), 0, "GET / 1.1 host=a.test b=1 A=2 B=3 COOKIE=x cookie=y"},
		{"31 values may hold colons", with("X: a: b:"), 0, "GET / 1.1 host=a.test X=a: b:"},
		{"51 hop-by-hop fields go no further", with("Keep-Alive: 1", "Proxy-Connection: a", "TE: gzip", "Trailer: X", "Upgrade: h2c", "HTTP2-Settings: a", "Proxy-Authorization: b"), 0,
			"GET / 1.1 host=a.test"},
		{"52 nominated fields go no further", with("X-Foo: a", "Connection: close, x-foo,X-BAR", "x-bar: b", "X-Fo: c"), 0, "GET / 1.1 host=a.test X-Fo=c"},
		{"52 nominated fields that are known", with("Referer: a", "Connection: Referer, User-Agent", "User-Agent: b", "Accept: c"), 0, "GET / 1.1 host=a.test Accept=c"},
		{"52 what cannot be nominated", with("Connection: Host, Content-Length, Transfer-Encoding, Cookie, Authorization, X-Forwarded-For, X-Real-IP, Forwarded",
			"Cookie: a", "Authorization: b", "X-Forwarded-For: c", "X-Real-IP: d", "Forwarded: e", "Content-Length: 1"), 0,
			"GET / 1.1 host=a.test Cookie=a Authorization=b X-Forwarded-For=c X-Real-IP=d Forwarded=e body"},
		{"52 what tells about the client cannot be nominated", with("Connection: X-Forwarded-Ssl, x-request-id, X-Sendfile-Type", "X-Forwarded-Ssl: a", "X-Request-ID: b", "X-Sendfile-Type: c"), 0,
			"GET / 1.1 host=a.test X-Forwarded-Ssl=a X-Request-ID=b X-Sendfile-Type=c"},
		{"52 conditions and content cannot be nominated", with("Connection: If-Match, Range, Max-Forwards, Content-Encoding, Content-Range, Cache-Control", "If-Match: a", "Range: b", "Max-Forwards: 1",
			"Content-Encoding: c", "Content-Range: d", "Cache-Control: e"), 0,
			"GET / 1.1 host=a.test If-Match=a Range=b Max-Forwards=1 Content-Encoding=c Content-Range=d Cache-Control=e"},
		{"52 TE goes no further, named or not", with("Connection: TE", "TE: trailers"), 0, "GET / 1.1 host=a.test"},
		{"52 a name that names itself", with("Connection: connection, close"), 0, "GET / 1.1 host=a.test"},
		{"52 empty options", with("Connection: ,, ,"), 0, ""},
		{"52 too many options", with("Connection: "+strings.Repeat("a,", 60), "Connection: "+strings.Repeat("a,", 60)), 431, ""},
	}, concat(
		refusedEach("27 name", 400, with("$: a"), "X(Y", "X\"", "X/Y", "X,Y", "X[", "X\x00", "X\x7f", "X\x80", "Xä", "{X}", "X=Y", "X@", "X\\"),
		refusedEach("28 value", 400, with("X: a$b"), "\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f"),
		refusedEach("28 value of nothing but", 400, with("X:$"), "\x00", "\x0b", "\x7f"),
		refusedEach("28 long value", 400, with("X: 0123456789$0123456789"), "\x00", "\x0b", "\x1f", "\x7f"),
		refusedEach("32 twice", 400, with("$: a", "$: a"), "Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "If-Modified-Since",
			"If-Unmodified-Since", "Range", "Sec-WebSocket-Key", "Sec-WebSocket-Version"))...))
}

// TestValueBytes: a value takes all bytes that RFC 9110 section 5.5 allows and no other, wherever they
// stand in it.
func TestValueBytes(t *testing.T) {
	for c := range 256 {
		want := 0
		if c < ' ' && c != '\t' || c == 0x7f {
			want = 400
		}
		for at := range 20 {
			value := []byte("................\xff.a\x80")
			value[at] = byte(c)
			_, _, err := parseRequest([]byte(with("X: |" + string(value) + "|")))
			if got := statusOf(t, err); got != want {
				t.Fatalf("byte %#x at %d: status %d, want %d", c, at, got, want)
			}
		}
	}
}

// TestHandshakeIsWhole: a client cannot ask for an upgrade and have a part of the question removed.
func TestHandshakeIsWhole(t *testing.T) {
	fields := []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin"}
	sent := strings.Replace(webSocket("GET", "1.1"), "Connection: Upgrade\r\n",
		"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x\r\nOrigin: http://a\r\nConnection: Upgrade, "+strings.ToLower(strings.Join(fields, ","))+"\r\n", 1)
	r, _, err := parseRequest([]byte(sent))
	if err != nil || r.WebSocketKey == nil {
		t.Fatalf("%q: key %q, %v; want a handshake", sent, r.WebSocketKey, err)
	}
	for _, name := range fields {
		if !strings.Contains(summary(&r), " "+name+"=") {
			t.Errorf("the app is not sent %s: %s", name, summary(&r))
		}
	}
}

func TestConnectionAndExpect(t *testing.T) {
	body := "Content-Length: 1"
	for _, c := range []struct {
		row                        string
		send                       string
		close, goOn, trailers, key bool
		status                     int
	}{
		{row: "53 HTTP 1.1 is kept", send: with("X: a")},
		{row: "53 HTTP 1.0 closes", send: "GET / HTTP/1.0\r\n\r\n", close: true},
		{row: "53 HTTP 1.0 asks to be kept", send: "GET / HTTP/1.0\r\nConnection: a, Keep-Alive\r\n\r\n"},
		{row: "53 close beats keep-alive", send: "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: CLOSE\r\n\r\n", close: true},
		{row: "54 close among others", send: with("Connection: X,\tclose ,Y"), close: true},
		{row: "54 closed is not close", send: with("Connection: closed")},
		{row: "55 waits with its body", send: with("Expect: 100-Continue", body), goOn: true},
		{row: "55 waits with chunks", send: with("Expect: 100-continue", "Transfer-Encoding: chunked"), goOn: true},
		{row: "57 Expect without a body", send: with("Expect: 100-continue")},
		{row: "57 Expect with an empty body", send: with("Expect: 100-continue", "Content-Length: 0")},
		{row: "57 Expect in HTTP 1.0", send: "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", close: true},
		{row: "57 another Expect in HTTP 1.0", send: "POST / HTTP/1.0\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", close: true},
		{row: "57 another Expect", send: with("Expect: 200-ok", body), status: 417},
		{row: "57 empty Expect", send: with("Expect:", body), status: 417},
		{row: "57 Expect twice", send: with("Expect: 100-continue", "Expect: 100-continue", body), status: 400},
		{row: "107 takes trailers", send: with("TE: gzip, Trailers"), trailers: true},
		{row: "107 trailers on a second line", send: with("TE: gzip", "TE: trailers"), trailers: true},
		{row: "107 trailers with a weight", send: with("TE: gzip;q=0, trailers ; q=1"), trailers: true},
		{row: "107 trailers with the least weight", send: with("TE: trailers;q=0.001"), trailers: true},
		{row: "107 trailers with an unknown parameter", send: with("TE: trailers;v=0"), trailers: true},
		{row: "107 trailers that are not acceptable", send: with("TE: trailers;q=0, gzip")},
		{row: "107 trailers that are not acceptable, in full", send: with("TE: trailers; Q=0.000")},
		{row: "107 no trailers", send: with("TE: trailer, xtrailers;q=1, gzip;trailers, ;trailers")},
		{row: "58 WebSocket", send: webSocket("GET", "1.1"), key: true},
		{row: "58 WebSocket in other case", send: strings.NewReplacer("websocket", "WebSocket", "Upgrade\r", "keep-alive, upgrade\r").Replace(webSocket("GET", "1.1")), key: true},
		{row: "58 WebSocket by POST", send: webSocket("POST", "1.1")},
		{row: "58 Connection does not list it", send: strings.Replace(webSocket("GET", "1.1"), "Connection: Upgrade", "Connection: X", 1)},
		{row: "58 another version", send: strings.Replace(webSocket("GET", "1.1"), "13", "8", 1)},
		{row: "58 key of another length", send: strings.Replace(webSocket("GET", "1.1"), "dGhl", "dGhldGhl", 1)},
		{row: "58 key of 17 bytes", send: strings.Replace(webSocket("GET", "1.1"), "ZQ==", "ZQA=", 1)},
		{row: "58 key of 18 bytes", send: strings.Replace(webSocket("GET", "1.1"), "ZQ==", "ZQAA", 1)},
		{row: "58 key not in base64", send: strings.Replace(webSocket("GET", "1.1"), "dGhl", "dG~l", 1)},
		{row: "59 another protocol", send: strings.Replace(webSocket("GET", "1.1"), "websocket", "h2c", 1)},
		{row: "59 a list of protocols", send: strings.Replace(webSocket("GET", "1.1"), "websocket", "websocket, h2c", 1)},
		{row: "60 WebSocket in HTTP 1.0", send: webSocket("GET", "1.0"), close: true},
		{row: "60 WebSocket with a body", send: strings.Replace(webSocket("GET", "1.1"), "\r\n\r\n", "\r\n"+body+"\r\n\r\n", 1)},
	} {
		t.Run(c.row, func(t *testing.T) {
			r, _, err := parseRequest([]byte(c.send))
			if got := statusOf(t, err); got != c.status {
				t.Fatalf("%q: status %d (%v), want %d", c.send, got, err, c.status)
			}
			if err == nil && (r.Close != c.close || r.Continue != c.goOn || r.Trailers != c.trailers || (r.WebSocketKey != nil) != c.key) {
				t.Errorf("%q: close %v, continue %v, trailers %v, key %q", c.send, r.Close, r.Continue, r.Trailers, r.WebSocketKey)
			}
		})
	}
}

func webSocket(method, version string) string {
	return method + " / HTTP/" + version + "\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
}

// TestForwarded: what tells an app about the client is known by its name, in any case, and its neighbours
// are not.
func TestForwarded(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Forwarded-For": true, "x-forwarded-proto": true, "X-FORWARDED-SSL": true, "X-Forwarded-Prefix": true, "X-Forwarded-Anything-That-Comes-Later": true,
		"Forwarded": true, "X-Real-IP": true, "X-Request-ID": true, "X-Request-Start": true, "X-Sendfile-Type": true, "X-Accel-Mapping": true,
		"X-Forwarded": false, "XX-Forwarded-For": false, "Host": false, "X-Accel-Redirect": false, "X-Requested-With": false, "": false,
	} {
		f := Field{Name: []byte(name), ID: lookup([]byte(name))}
		if f.Forwarded() != want {
			t.Errorf("%q tells about the client: %v, want %v", name, !want, want)
		}
	}
}

// TestLookup: each known name is found in any case, and its neighbours are not.
func TestLookup(t *testing.T) {
	for id := Other + 1; id < idCount; id++ {
		name := fieldNames[id]
		for _, form := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if got := lookup([]byte(form)); got != id {
				t.Errorf("%q is %d, want %d", form, got, id)
			}
		}
		for _, other := range []string{name[1:], name + "s", name[:len(name)-1] + "?", "?" + name[1:], strings.Replace(name, "-", "\r", 1) + " "} {
			if got := lookup([]byte(other)); got != Other && fieldNames[got] != other {
				t.Errorf("%q is %q", other, fieldNames[got])
			}
		}
	}
	if idCount > 64 {
		t.Errorf("%d known fields do not fit into an idSet", idCount)
	}
}
