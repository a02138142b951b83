package front

import "strings"

const ok11 = "HTTP/1.1 200 OK\r\n"

// answered is a case with an ordinary request and the given answer of the app.
func answered(name, bytes string, more httpCase) httpCase {
	more.name = name
	if more.send == "" {
		more.send = get11 + "\r\n"
	}
	more.app = []reply{{bytes: bytes}}
	if more.requests == 0 {
		more.requests = 1
	}
	return more
}

// unfit makes one case of every value, put in the place of $ in the app's answer: each is a 502.
func unfit(name, answer string, values ...string) []httpCase {
	var all []httpCase
	for _, value := range values {
		all = append(all, answered(name+" "+escape(value), strings.ReplaceAll(answer, "$", value),
			httpCase{status: []int{502}, reason: "bad_response", appConn: ended}))
	}
	return all
}

var answerHeadCases = cases(
	unfit("95 length", ok11+"Content-Length: $\r\n\r\nab", "", "+2", "-1", "0x2", "2 2", "9223372036854775808", "x"),
	unfit("95 coding", ok11+"Transfer-Encoding: $\r\n\r\n2\r\nab\r\n0\r\n\r\n", "gzip", "chunked, chunked", "xchunked"),
	unfit("96 status line", "$\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 99 Low", "HTTP/1.1 600 High", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 abc", "HELLO", "HTTP/2.0 200 OK"),
	unfit("97 value with", ok11+"X: a$b\r\nContent-Length: 2\r\n\r\nab", "\r", "\x00", "\x01", "\x7f"),
	unfit("97 name with", ok11+"X$Y: 1\r\nContent-Length: 2\r\n\r\nab", "\x00", "\x01", "\r"),
	[]httpCase{
		answered("95 two lengths", ok11+"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", httpCase{status: []int{502}, reason: "bad_response", appConn: ended}),
		answered("95 two lines of codings", ok11+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", httpCase{status: []int{502}, reason: "bad_response", appConn: ended}),
		answered("96 no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", httpCase{conn: open, client: []string{"\r\n\r\nab"}}),
		answered("96 no reason but the space before it", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab", httpCase{conn: open, client: []string{"\r\n\r\nab"}}),
		answered("96 a reason of its own", "HTTP/1.1 299 So So\r\nContent-Length: 2\r\n\r\nab", httpCase{status: []int{299}, conn: open, client: []string{"HTTP/1.1 299 So So\r\n"}}),
		answered("97 folded line becomes one", ok11+"X-Long: a\r\n  b\r\nContent-Length: 2\r\n\r\nab", httpCase{conn: open, client: []string{"X-Long: a ", " b\r\n"}, never: []string{"a\r\n"}}),
		answered("97 space before the colon is removed", ok11+"X-Odd : 1\r\nContent-Length: 2\r\n\r\nab", httpCase{conn: open, client: []string{"X-Odd: 1\r\n"}}),
		answered("97 bare LF from the app is read", "HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 2\n\nab", httpCase{conn: open, client: []string{"X-A: 1\r\n", "\r\n\r\nab"}}),
		answered("98 head above 128 KiB", ok11+"X: "+strings.Repeat("a", 200<<10)+"\r\nContent-Length: 2\r\n\r\nab", httpCase{status: []int{502}, reason: "bad_response", appConn: ended,
			client: []string{"The head of the app&#39;s answer is too long."}}),
		answered("98 head of 120 KiB", ok11+fields(15, strings.Repeat("a", 8<<10))+"Content-Length: 2\r\n\r\nab", httpCase{conn: open, client: []string{"X14: aaa"}, appConn: open}),
		answered("104 early hints pass", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: evil\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nab",
			httpCase{status: []int{103, 200}, conn: open, client: []string{"Link: </a>\r\n", "\r\n\r\nab"}, never: []string{"evil"}}),
		answered("104 early hints not to HTTP 1.0", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nab",
			httpCase{send: "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", conn: ended, never: []string{"103", "Link"}}),
		answered("104 more than 16 interim answers", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 17)+ok11+"Content-Length: 2\r\n\r\nab",
			httpCase{status: append(repeat(103, 16), 502), reason: "bad_response", appConn: ended}),
		answered("104 102 passes, and what frames a message does not", "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX-Step: 1\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nab",
			httpCase{status: []int{102, 200}, conn: open, client: []string{"X-Step: 1\r\n", "\r\n\r\nab"}, never: []string{"chunked", "Content-Length: 5"}}),
		answered("105 100 from the app is swallowed", "HTTP/1.1 100 Continue\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nab", httpCase{conn: open, never: []string{"100"}}),
		answered("106 hop-by-hop fields of the app are dropped", ok11+"Connection: X-Foo\r\nX-Foo: evil\r\nKeep-Alive: evil\r\nProxy-Authenticate: evil\r\nUpgrade: evil\r\nContent-Length: 2\r\n\r\nab",
			httpCase{conn: open, never: []string{"evil"}}),
		answered("108 X-Accel-Redirect is refused as long as it does nothing", ok11+"X-Accel-Redirect: /evil\r\nContent-Length: 2\r\n\r\nab", httpCase{status: []int{502}, reason: "bad_response", conn: open, never: []string{"evil", "X-Accel"}}),
		answered("108 and so is X-Sendfile", ok11+"X-Sendfile: /evil\r\nContent-Length: 0\r\n\r\n", httpCase{status: []int{502}, reason: "bad_response", conn: open, never: []string{"evil", "X-Sendfile"}}),
		answered("109 Date is added and cookies are not merged", ok11+"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nab",
			httpCase{conn: open, client: []string{"Date: ", "Set-Cookie: a=1\r\n", "Set-Cookie: b=2\r\n"}}),
	})

var answerBodyCases = []httpCase{
	answered("94 length and chunked: chunked wins", ok11+"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
		httpCase{conn: open, client: []string{"ab"}, never: []string{"Content-Length: 4"}, appConn: ended}),
	{name: "100 the app closes within a length", send: get11 + "\r\n", app: []reply{{bytes: ok11 + "Content-Length: 10\r\n\r\nabcde", hangUp: true}}, cut: true, requests: 1},
	{name: "100 the app closes within chunks", send: get11 + "\r\n", app: []reply{{bytes: ok11 + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", hangUp: true}}, cut: true, requests: 1,
		never: []string{"0\r\n\r\n"}},
	answered("101 more than the length is dropped", ok11+"Content-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
		httpCase{conn: open, client: []string{"\r\n\r\nab"}, never: []string{"poison"}, appConn: ended}),
	{name: "102 an answer until the end is chunked for HTTP 1.1", send: get11 + "\r\n", app: []reply{{bytes: "HTTP/1.0 200 OK\r\n\r\nabcde", hangUp: true}}, conn: open,
		client: []string{"Transfer-Encoding: chunked\r\n", "abcde"}, appConn: ended},
	answered("103 body after HEAD is dropped", ok11+"Content-Length: 6\r\n\r\npoison",
		httpCase{send: "HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", method: "HEAD", conn: open, client: []string{"Content-Length: 6\r\n"}, never: []string{"poison"}, appConn: ended}),
	answered("103 HEAD without a body keeps the app's connection", ok11+"Content-Length: 6\r\n\r\n",
		httpCase{send: "HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", method: "HEAD", conn: open, client: []string{"Content-Length: 6\r\n"}, appConn: open}),
	answered("103 body after 204 is dropped", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
		httpCase{status: []int{204}, conn: open, never: []string{"poison", "Content-Length"}, appConn: ended}),
	answered("103 body after 304 is dropped", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison",
		httpCase{status: []int{304}, conn: open, client: []string{"Content-Length: 6\r\n"}, never: []string{"poison"}, appConn: ended}),
	answered("103 an answer of 205 has no body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", httpCase{status: []int{205}, conn: open, client: []string{"Content-Length: 0\r\n"}}),
	answered("107 trailers for those who ask", ok11+"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n",
		httpCase{send: get11 + "TE: trailers\r\nConnection: TE\r\n\r\n", conn: open, client: []string{"X-Sum: 1\r\n"}}),
	answered("107 no trailers for others", ok11+"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n", httpCase{conn: open, never: []string{"X-Sum"}}),
	{name: "chunked answer keeps the app's connection", send: get11 + "\r\n", app: []reply{{bytes: ok11 + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"}}, conn: open, appConn: open},
}

// closes is an app that closes the connection without a byte.
var closes = reply{hangUp: true}

var retryCases = []httpCase{
	{name: "99 GET is sent again if a kept connection was closed", send: get11 + "\r\n", app: []reply{closes}, requests: 2, conn: open},
	{name: "99 GET is sent again only once", send: get11 + "\r\n", app: []reply{closes, closes}, requests: 2, status: []int{502}, reason: "process_exited"},
	{name: "99 POST is not sent again", send: post11 + "Content-Length: 2\r\n\r\nab", app: []reply{closes}, requests: 1, status: []int{502}, reason: "process_exited"},
	{name: "99 POST on a new connection is not sent again", fresh: true, send: post11 + "Content-Length: 2\r\n\r\nab", app: []reply{closes}, requests: 1, status: []int{502}, reason: "process_exited"},
	{name: "99 no retry after the first byte", send: get11 + "\r\n", app: []reply{{bytes: "HTTP/1.1 20", hangUp: true}}, requests: 1, status: []int{502}},
}
