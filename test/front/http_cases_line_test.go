package front

import (
	"slices"
	"strings"
)

func allHTTPCases() []httpCase {
	return cases(requestLineCases, targetCases, hostCases, headerCases, doubleCases, framingCases, chunkCases, connectionCases, upgradeCases,
		answerHeadCases, answerBodyCases, retryCases)
}

// refused is a case that is answered with one status, closes, and never reaches the app.
func refused(name string, status int, send string) httpCase {
	return httpCase{name: name, send: send, status: []int{status}, reason: "bad_request", conn: ended}
}

// each makes one refused case of every value, put in the place of $ in send.
func each(name string, status int, send string, values ...string) []httpCase {
	var all []httpCase
	for _, value := range values {
		all = append(all, refused(name+" "+escape(value), status, strings.ReplaceAll(send, "$", value)))
	}
	return all
}

func escape(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`, "\x00", `\0`, "\x0b", `\v`, "\x7f", "DEL", "/", "⁄", " ", "␠").Replace(s)
}

func cases(groups ...[]httpCase) []httpCase { return slices.Concat(groups...) }

var requestLineCases = cases([]httpCase{
	{name: "1 empty lines before the request", send: "\r\n\r\n\r\n\r\n" + get11 + "\r\n", conn: open, kept: []string{"\r\n\r\n\r\n"}},
	refused("1 too many empty lines before the request", 400, strings.Repeat("\r\n", 6)+get11+"\r\n"),
	refused("2 bare LF ends the request line", 400, "GET / HTTP/1.1\nHost: a.test\r\n\r\n"),
	refused("2 bare LF ends a header line", 400, "GET / HTTP/1.1\r\nHost: a.test\nX: 1\r\n\r\n"),
	refused("2 bare LF ends the head", 400, "GET / HTTP/1.1\r\nHost: a.test\r\n\n"),
	refused("3 bare CR in a value", 400, get11+"X: a\rb\r\n\r\n"),
	refused("3 bare CR in the request line", 400, "GET /\r HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	refused("3 CR CR LF", 400, get11+"X: a\r\r\n\r\n"),
	refused("4 two spaces in the request line", 400, "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	refused("4 tab in the request line", 400, "GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	refused("4 space after the version", 400, "GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n"),
	{name: "5 unknown method", send: "FOO / HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open, reached: []string{"FOO / HTTP/1.1\r\n"}},
	refused("6 method is no token", 400, "G@T / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	refused("6 method of 33 letters", 400, strings.Repeat("A", 33)+" / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	refused("7 HTTP 0.9", 400, "GET /\r\n\r\n"),
	{name: "8 HTTP 1.2 is as 1.1", send: "GET / HTTP/1.2\r\nHost: a.test\r\n\r\n", reached: []string{"GET / HTTP/1.1\r\n"}},
},
	each("8 version", 505, "GET / $\r\nHost: a.test\r\n\r\n", "HTTP/2.0", "HTTP/3.0"),
	each("8 version", 400, "GET / $\r\nHost: a.test\r\n\r\n", "HTTP/1.10", "http/1.1", "HTTP/01.1", "HTTP/1", "HTTP/1.1x"),
	[]httpCase{
		refused("9 HTTP 2 preface in clear", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		{name: "53 HTTP 1.0 closes", send: "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", conn: ended, client: []string{"ok"}},
		{name: "53 HTTP 1.0 keep-alive", send: "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n", conn: open, client: []string{"keep-alive"}},
		{name: "54 Connection close drops what follows", send: get11 + "Connection: close\r\n\r\n" + get11 + "\r\n", conn: ended},
		{name: "19 HTTP 1.0 without Host", send: "GET / HTTP/1.0\r\n\r\n", conn: ended},
		refused("63 TRACE", 405, "TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
		refused("63 TRACK", 405, "TRACK / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	})

var targetCases = cases([]httpCase{
	refused("10 target above 8 KiB", 414, "GET /"+strings.Repeat("a", 9000)+" HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	{name: "10 target of 8000 bytes", send: "GET /" + strings.Repeat("a", 7999) + " HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open},
},
	each("11 in the target", 400, "GET /a$b HTTP/1.1\r\nHost: a.test\r\n\r\n", " ", "\x00", "\x01", "\x7f", "\x80", "\xc3\xa4"),
	[]httpCase{
		refused("12 fragment", 400, "GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n"),
		{name: "13 absolute form", send: "GET http://b.test/p?q=1 HTTP/1.1\r\nHost: b.test\r\n\r\n", conn: open,
			reached: []string{"GET /p?q=1 HTTP/1.1\r\n", "Host: b.test\r\n"}, kept: []string{"http://b.test"}},
		{name: "14 absolute form wins over Host", send: "GET http://b.test/p HTTP/1.1\r\nHost: c.test\r\n\r\n", conn: open,
			reached: []string{"Host: b.test\r\n"}, kept: []string{"c.test"}},
		refused("15 authority form", 400, "GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n"),
		refused("15 CONNECT", 405, "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"),
		{name: "16 OPTIONS of the server", send: "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", method: "OPTIONS", status: []int{204}, requests: none, conn: open, client: []string{"Allow: GET, "}},
		{name: "16 OPTIONS that goes no further", send: "OPTIONS /a HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n", method: "OPTIONS", status: []int{204}, requests: none, conn: open, client: []string{"Allow: GET, "}},
		{name: "16 OPTIONS that goes on", send: "OPTIONS /a HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 5\r\n\r\n", method: "OPTIONS", conn: open, reached: []string{"OPTIONS /a HTTP/1.1\r\n", "Max-Forwards: 4\r\n"}},
		refused("16 GET *", 400, "GET * HTTP/1.1\r\nHost: a.test\r\n\r\n"),
		{name: "17 two slashes are a path", send: "GET //evil.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open, reached: []string{"GET //evil.test/x HTTP/1.1\r\n", "Host: a.test\r\n"}},
		refused("18 no slash", 400, "GET foo HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	},
	each("13 absolute form", 400, "GET $ HTTP/1.1\r\nHost: b.test\r\n\r\n", "http://u@b.test/", "http://u:p@b.test/", "ftp://b.test/", "http:///p"),
	each("111 path", 400, "GET $ HTTP/1.1\r\nHost: a.test\r\n\r\n", "/%zz", "/%", "/%4", "/%00", "/../x", "/a/../../x", "/%2e%2e/x"),
	[]httpCase{
		{name: "111 dots reach the app as they were", send: "GET /a/../b//c/./d%2e HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open, reached: []string{"GET /a/../b//c/./d%2e HTTP/1.1\r\n"}},
		{name: "112 encoded separators reach the app as they were", send: "GET /a%2fb%5Cc%2Fd HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open, reached: []string{"GET /a%2fb%5Cc%2Fd HTTP/1.1\r\n"}},
		{name: "115 query is never changed", send: "GET /?a;b&&c=+%zz&%& HTTP/1.1\r\nHost: a.test\r\n\r\n", conn: open, reached: []string{"GET /?a;b&&c=+%zz&%& HTTP/1.1\r\n"}},
	})

var hostCases = cases([]httpCase{
	refused("19 no Host", 400, "GET / HTTP/1.1\r\nX: 1\r\n\r\n"),
	refused("20 two Hosts", 400, get11+"Host: b.test\r\n\r\n"),
	refused("20 two Hosts, the same", 400, get11+"Host: a.test\r\n\r\n"),
	{name: "22 Host is forwarded as sent", send: "GET / HTTP/1.1\r\nHost: A.Test.:80\r\n\r\n", conn: open, reached: []string{"Host: A.Test.:80\r\n"}},
	{name: "22 IPv6 Host", send: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", conn: open, reached: []string{"Host: [::1]:80\r\n"}},
},
	each("21 Host", 400, "GET / HTTP/1.1\r\nHost: $\r\n\r\n", "", "a b", "a/b", "a@b", "a,b", "a\x00b", "a:99999", "a:x", "[::1", "a;b", "a'b", "a:-1", "a?b"))
