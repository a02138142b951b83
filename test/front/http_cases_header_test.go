package front

import (
	"fmt"
	"strings"
)

var headerCases = cases([]httpCase{
	refused("24 first header line starts with a space", 400, "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n"),
	refused("24 first header line starts with a tab", 400, "GET / HTTP/1.1\r\n\tX: 1\r\nHost: a.test\r\n\r\n"),
	refused("25 folded line", 400, get11+"X: a\r\n b\r\n\r\n"),
	refused("26 space before the colon", 400, get11+"X : a\r\n\r\n"),
	refused("26 tab before the colon", 400, get11+"X\t: a\r\n\r\n"),
	refused("26 space before the colon of Content-Length", 400, post11+"Content-Length : 2\r\n\r\nab"),
	refused("27 empty name", 400, get11+": x\r\n\r\n"),
	refused("27 line without colon", 400, get11+"nocolon\r\n\r\n"),
},
	each("27 name with", 400, get11+"X$Y: 1\r\n\r\n", " ", "(", "\"", "/", "@", "\x00", "\x80", "\x7f", "{"),
	each("28 value with", 400, get11+"X: a$b\r\n\r\n", "\x00", "\x01", "\x7f", "\x1b"),
	[]httpCase{
		{name: "28 tab and high bytes in a value stay", send: get11 + "X: a\tb\x85\xa0\xff\r\n\r\n", conn: open, reached: []string{"X: a\tb\x85\xa0\xff\r\n"}},
		{name: "29 names that CGI would confuse are dropped", send: get11 + "X_Forwarded_For: evil\r\nX.Real.IP: evil\r\nProxy: evil\r\n!~Passenger: evil\r\nX-Good: 1\r\n\r\n",
			conn: open, reached: []string{"X-Good: 1"}, kept: []string{"evil"}},
		refused("30 a line above 16 KiB", 431, get11+"X: "+strings.Repeat("a", 17<<10)+"\r\n\r\n"),
		refused("30 head above 64 KiB", 431, get11+fields(8, strings.Repeat("a", 9<<10))+"\r\n"),
		refused("30 more than 100 fields", 431, get11+fields(100, "1")+"\r\n"),
		{name: "30 100 fields", send: get11 + fields(99, "1") + "\r\n", conn: open, reached: []string{"X98: 1\r\n"}},
		{name: "31 order, case and empty values stay", send: get11 + "x-LOWER: 1\r\nX-Empty:\r\nB: \t 2 \t \r\nA: 3\r\n\r\n", conn: open,
			reached: []string{"x-LOWER: 1\r\nX-Empty:", "\r\nB: 2\r\nA: 3\r\n"}},
		{name: "33 claims about the client are dropped", conn: open, kept: []string{"evil", "6.6.6.6"},
			send: get11 + "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-Port: evil\r\nX-Forwarded-Prefix: evil\r\n" +
				"Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Request-Start: evil\r\nX-Sendfile-Type: evil\r\nX-Accel-Mapping: evil\r\n\r\n",
			reached: []string{"X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Host: a.test\r\n"}},
		refused("32 two of Expect", 400, post11+"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
		{name: "32 what may come twice", send: get11 + "X: 1\r\nX: 2\r\nAccept: a\r\nAccept: b\r\n\r\n", conn: open, reached: []string{"X: 1\r\nX: 2\r\nAccept: a\r\nAccept: b\r\n"}},
		{name: "51 hop-by-hop fields are not forwarded", send: get11 + "Keep-Alive: evil\r\nProxy-Connection: evil\r\nTE: evil\r\nTrailer: evil\r\n\r\n",
			conn: open, kept: []string{"evil", "Trailer:", "TE:"}},
	})

// A second field of these would say something else to whoever reads the other one.
var doubleCases = each("32 two of", 400, get11+"$: 1\r\n$: 1\r\n\r\n", "Authorization", "Content-Type", "If-Match", "If-None-Match",
	"If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range")

func fields(n int, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X%d: %s\r\n", i, value)
	}
	return b.String()
}

var connectionCases = []httpCase{
	{name: "52 nominated fields are dropped", send: get11 + "Connection: keep-alive, X-Foo\r\nX-Foo: evil\r\nX-Bar: 1\r\n\r\n",
		conn: open, reached: []string{"X-Bar: 1"}, kept: []string{"evil", "X-Foo"}},
	{name: "52 what must stay cannot be nominated", conn: open,
		send:    get11 + "Connection: Host, Cookie, Authorization, X-Forwarded-For, X-Real-IP\r\nCookie: c=1\r\nAuthorization: Basic x\r\n\r\n",
		reached: []string{"Host: a.test\r\n", "Cookie: c=1\r\n", "Authorization: Basic x\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Real-IP: 127.0.0.1\r\n"}},
	{name: "52 Content-Length cannot be nominated", send: post11 + "Connection: Content-Length\r\nContent-Length: 2\r\n\r\nab", conn: open,
		reached: []string{"Content-Length: 2\r\n", "\r\n\r\nab"}},
	{name: "54 what follows a request that is refused is dropped", send: "GET /%zz HTTP/1.1\r\nHost: a.test\r\n\r\n" + get11 + "\r\n",
		status: []int{400}, reason: "bad_request", conn: ended},
	{name: "53 nor is it to HTTP 1.0 that is kept alive", send: "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n", conn: ended,
		app:    []reply{{bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}},
		client: []string{"\r\n\r\nhello"}, never: []string{"chunked", "5\r\n", "keep-alive"}},
	{name: "53 answer of unknown length to HTTP 1.0", send: "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", conn: ended,
		app:    []reply{{bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}},
		client: []string{"\r\n\r\nhello"}, never: []string{"chunked", "5\r\n"}},
	{name: "55 Expect is answered by purser", send: post11 + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", then: "hello",
		status: []int{100, 200}, conn: open, reached: []string{"\r\n\r\nhello"}, kept: []string{"Expect"}},
	{name: "55 refused without 100", send: post11 + "Expect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n",
		status: []int{413}, reason: "body_too_large", never: []string{" 100 "}},
	{name: "57 Expect of HTTP 1.0 is ignored", send: "POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
		conn: ended, never: []string{" 100 "}, reached: []string{"\r\n\r\nab"}},
	{name: "57 Expect without a body is ignored", send: get11 + "Expect: 100-continue\r\n\r\n", conn: open, never: []string{" 100 "}, kept: []string{"Expect"}},
	{name: "57 no 100 for a body that is there", send: post11 + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab", conn: open, never: []string{" 100 "}, reached: []string{"\r\n\r\nab"}},
	refused("57 another expectation", 417, post11+"Expect: magic\r\nContent-Length: 0\r\n\r\n"),
	{name: "59 upgrade to h2c is a plain request", send: get11 + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		conn: open, kept: []string{"h2c", "HTTP2-Settings", "Upgrade"}},
	{name: "59 upgrade to TLS is a plain request", send: get11 + "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n", conn: open, kept: []string{"Upgrade", "TLS/1.2"}},
	{name: "60 upgrade in HTTP 1.0 is a plain request", send: strings.Replace(webSocketGet, "HTTP/1.1", "HTTP/1.0", 1), conn: ended, client: []string{"\r\n\r\nok"}, kept: []string{"Upgrade:"}},
	{name: "60 upgrade with a body is a plain request", conn: open, kept: []string{"Upgrade:"}, reached: []string{"\r\n\r\nab"},
		send: post11 + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nab"},
	{name: "65 no request is early data of TLS", send: get11 + "\r\n", conn: open, kept: []string{"Early-Data"}},
	{name: "66 Via names purser behind those before it", send: get11 + "Via: 1.1 purser, 1.0 other\r\n\r\n", conn: open, reached: []string{"Via: 1.1 purser, 1.0 other\r\n", "\r\nVia: 1.1 purser\r\n"}},
	{name: "66 Via of HTTP 1.0", send: "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", conn: ended, reached: []string{"\r\nVia: 1.0 purser\r\n"}},
	refused("66 a request that goes round", 508, get11+"Via: 1.1 purser, 1.1 other, 1.1 PURSER (it)\r\nVia: 2 purser\r\n\r\n"),
	{name: "64 early answer while the upload runs", send: post11 + "Content-Length: 4194304\r\n\r\n" + strings.Repeat("x", 4<<20),
		app:    []reply{{bytes: "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", hangUp: true, early: true}},
		status: []int{403}, requests: 1, client: []string{"\r\n\r\nno"}, appConn: ended},
}

const (
	webSocketGet = get11 + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	switching    = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
	rightAccept  = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

var upgradeCases = []httpCase{
	{name: "58 WebSocket", send: webSocketGet, app: []reply{{bytes: switching + rightAccept + "hello", hangUp: true}}, status: []int{101}, requests: 1, conn: unlooked,
		client: []string{"Upgrade: websocket\r\n"}, reached: []string{"Upgrade: websocket\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"}},
	{name: "58 the app declines", send: webSocketGet, conn: open, client: []string{"\r\n\r\nok"}},
	{name: "58 the app declines and the client has spoken already", send: webSocketGet + "early", conn: ended, client: []string{"\r\n\r\nok"}, kept: []string{"early"}},
	{name: "58 what is no whole handshake is a plain request", send: strings.Replace(webSocketGet, "13", "12", 1), conn: open, kept: []string{"Upgrade:"}},
	{name: "58 nor is one with a key that is none", send: strings.Replace(webSocketGet, "dGhlIHNhbXBsZSBub25jZQ==", "short", 1), conn: open, kept: []string{"Upgrade:"}},
	{name: "61 switching unasked", send: get11 + "\r\n", app: []reply{{bytes: switching + rightAccept}}, status: []int{502}, reason: "bad_response", requests: 1, appConn: ended},
	{name: "61 wrong accept", send: webSocketGet, app: []reply{{bytes: switching + "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"}}, status: []int{502}, reason: "bad_response", requests: 1, appConn: ended},
	{name: "61 another protocol", send: webSocketGet, status: []int{502}, reason: "bad_response", requests: 1, appConn: ended,
		app: []reply{{bytes: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"}}},
}
