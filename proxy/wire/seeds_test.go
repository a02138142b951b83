package wire

import "strings"

// requestSeeds are messages from which the fuzzer and the mutations set out: each has something that a
// parser must decide.
var requestSeeds = []string{
	smallGET,
	browserGET,
	webSocket("GET", "1.1"),
	strings.Replace(webSocket("GET", "1.1"), "Upgrade\r", "Upgrade, Sec-WebSocket-Key, X-Forwarded-Ssl, X-A\r", 1),
	"POST /form HTTP/1.1\r\nHost: a.test:80\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
	"POST /c?q=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nTE: trailers\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\nCookie: a\r\nX-Forwarded-Prefix: /\r\n\r\n",
	"GET http://b.test/p//%2e/../x?y=%zz HTTP/1.1\r\nHost: c\r\nX-Foo: 1\r\nConnection: close, X-Foo\r\n\r\n",
	"GET http://b.test:?x=1 HTTP/1.1\r\nHost: c:\r\nTE: gzip, trailers;q=1\r\nTransfer-Encoding: chunked\r\n\r\n2 ;a=b\r\nhi\r\n0\r\n\r\n",
	"GET http://b.test HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /old HTTP/1.0\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nMax-Forwards: 0\r\n\r\n",
	"PUT //evil.com/x HTTP/1.9\r\nhost:a\r\nX_Under: a\r\nX.Dot: b\r\nProxy: c\r\nPragma: no-cache\r\nCOOKIE: d\r\ncookie: e\r\nContent-length: 010\r\n\r\n0123456789",
	"DELETE /\xff HTTP/1.1\r\nHost: a\r\nX: \x80\t\xa0 \r\n\r\n",
	"HEAD /%41%2f%5C?a;b+c&&d HTTP/1.1\r\nHost: A.test.\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
	"GET / HTTP/1.1\nHost: a\n\n",
	"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

var responseSeeds = []string{
	smallAnswer + "hello world\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"HTTP/1.0 404\r\nServer: old\r\nX: a\r\n\tb\r\n \r\n c\r\n\r\nuntil the end",
	"HTTP/1.1 200 \nContent-Type: text/event-stream\nSet-Cookie : a\nSet-Cookie: b\n\ndata: x\n\n",
	"HTTP/1.1 304 Not Modified\r\nEtag: \"a\"\r\nContent-Length: 5\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nConnection: close, X-Foo\r\nX-Foo: b\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	"HTTP/1.1 426 Upgrade Required\r\nUpgrade: HTTP/2.0\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 500 \xe4\r\nContent-Length:\r\n 5\r\nX-Empty:\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\nX-Accel-Redirect: /a\r\nPragma: no-cache\r\n\r\nhello",
	" HTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
}

var chunkedSeeds = []string{
	"0\r\n\r\n",
	"5\r\nhello\r\n6;a=\"\\\";\";b\r\n world\r\n000\r\n\r\nGET /",
	"A\r\n0123456789\r\n0;e\r\nX-Sum: 1\r\nHost: a\r\nX_Y: b\r\nX-Forwarded-Ssl: on\r\n\r\nrest",
	"7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n",
	"5\nhello\n0\n\n",
	"2 \t;a=b\r\nhi\r\n0 \r\n\r\n",
	"0x5\r\nhello\r\n",
	"ffffffffffffffff\r\n",
	"0\r\nA: b\r\n c\r\n\r\n",
	"1;" + "e\r\nx\r\n1;\"\r\nx\r\n",
}

var pathSeeds = []string{
	"/", "//", "/a/./b/../c", "/..", "/%2e%2E/", "/a%2f%5c\\b", "/%zz", "/%", "/%00", "/%252e", "/a/..;/b", "/...", "/.%2e/.", "/%61//%2e/",
}
