package front

import (
	"strconv"
	"strings"
)

var framingCases = cases([]httpCase{
	refused("35 length and chunked", 400, post11+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	refused("35 chunked and length", 400, post11+"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
	refused("36 chunked in HTTP 1.0", 400, "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	refused("37 two equal lengths", 400, post11+"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
	refused("37 a list of equal lengths", 400, post11+"Content-Length: 2, 2\r\n\r\nab"),
	refused("38 two lengths", 400, post11+"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
},
	each("39 length", 400, post11+"Content-Length: $\r\n\r\nabcde", "", "+5", "-1", "0x5", "1_0", "5 5", "5,", "5;", "9223372036854775808", "99999999999999999999", "\x0b5"),
	[]httpCase{
		{name: "39 length with leading zero", send: post11 + "Content-Length: 010\r\n\r\n0123456789", conn: open,
			reached: []string{"Content-Length: 10\r\n", "\r\n\r\n0123456789"}},
		{name: "42 Chunked in any case", send: post11 + "Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", conn: open, reached: []string{"ab"}},
	},
	each("40 unknown coding", 501, post11+"Transfer-Encoding: $\r\n\r\n0\r\n\r\n", "gzip", "identity", "xchunked", "chunked;q=1"),
	each("41 known and unknown coding", 501, post11+"Transfer-Encoding: $\r\n\r\n0\r\n\r\n", "gzip, chunked"),
	each("42 coding", 400, post11+"Transfer-Encoding: $\r\n\r\n0\r\n\r\n", "chunked, chunked", "chunked, gzip", ",chunked", "chunked,", "", "\x0bchunked", `"chunked"`),
	[]httpCase{
		refused("42 two lines of codings", 400, post11+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		{name: "47 pipelined requests are answered in order", send: numbered(3), status: repeat(200, 3), conn: open, requests: 3,
			app: []reply{{bytes: body("one")}, {bytes: body("two")}, {bytes: body("three")}}, client: []string{"one"}, reached: []string{"GET /0 ", "GET /1 ", "GET /2 "}},
		{name: "47 a thousand requests in one segment", send: numbered(1000), status: repeat(200, 1000), conn: open, requests: 1000},
		{name: "47 a body and then a request", send: post11 + "Content-Length: 2\r\n\r\nab" + get11 + "\r\n", status: repeat(200, 2), conn: open},
		{name: "48 GET with a body", send: get11 + "Content-Length: 2\r\n\r\nab", conn: open, reached: []string{"Content-Length: 2\r\n", "\r\n\r\nab"}},
		{name: "48 HEAD with a body", send: "HEAD / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nab", method: "HEAD", conn: open, reached: []string{"Content-Length: 2\r\n", "\r\n\r\nab"},
			app: []reply{{bytes: okHead + "\r\n"}}},
		{name: "48 DELETE with a body", send: "DELETE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nab", conn: open, reached: []string{"Content-Length: 2\r\n", "\r\n\r\nab"}},
		{name: "48 OPTIONS with chunks", send: "OPTIONS / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", conn: open, reached: []string{"Content-Length: 2\r\n", "\r\n\r\nab"}},
		{name: "49 POST without a length", send: post11 + "\r\n", conn: open, reached: []string{"Content-Length: 0\r\n"}},
		{name: "50 body above the limit", send: post11 + "Content-Length: " + strconv.Itoa(maxBody+1) + "\r\n\r\n", status: []int{413}, reason: "body_too_large", conn: ended},
		{name: "50 body of the limit", send: post11 + "Content-Length: " + strconv.Itoa(maxBody) + "\r\n\r\n" + strings.Repeat("x", maxBody), conn: open},
		{name: "50 chunks above the limit", send: chunked + "\r\n" + strings.Repeat("100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n", 9) + "0\r\n\r\n",
			status: []int{413}, reason: "body_too_large"},
	})

var chunkCases = cases(
	each("43 chunk size", 400, chunked+"\r\n$\r\nabcde\r\n0\r\n\r\n", "", "0x5", "+5", "-1", " 5", "5 ", "5_0", "5\t", "00000000000000005", "20000000000001", "g"),
	each("44 chunk extension", 400, chunked+"\r\n5$\r\nabcde\r\n0\r\n\r\n", ";a=\rb", ";a=\nb", `;a="b`, ";"+strings.Repeat("a", 300)),
	each("45 chunk line ended by", 400, chunked+"\r\n5$abcde\r\n0\r\n\r\n", "\n", "\rX", "\r"),
	each("45 chunk data ended by", 400, chunked+"\r\n5\r\nabcde$0\r\n\r\n", "\n", "\rX", "XX", "X\r\n"),
	[]httpCase{
		{name: "43 chunk sizes in any case", send: chunked + "\r\nA\r\n0123456789\r\n0b\r\n0123456789a\r\n0\r\n\r\n", conn: open, reached: []string{"0123456789"}},
		{name: "44 chunk extensions are dropped", send: chunked + "\r\n5;a=1;b=\"x;y\"\r\nabcde\r\n0;end\r\n\r\n", conn: open, reached: []string{"abcde"}, kept: []string{";a", "x;y", ";end"}},
		refused("44 too many bytes of chunk extensions", 400, chunked+"\r\n"+strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 100)+"0\r\n\r\n"),
		{name: "34 trailers are no headers", send: chunked + "Trailer: X-End, Host\r\n\r\n2\r\nab\r\n0\r\nX-End: 1\r\nHost: evil\r\nContent-Length: 9\r\nAuthorization: evil\r\nCookie: evil\r\n\r\n",
			conn: open, reached: []string{"ab"}, kept: []string{"evil", "Content-Length: 9"}},
		refused("34 malformed trailer", 400, chunked+"\r\n2\r\nab\r\n0\r\nno colon\r\n\r\n"),
		refused("34 folded trailer", 400, chunked+"\r\n2\r\nab\r\n0\r\nX: 1\r\n 2\r\n\r\n"),
	})

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("GET /" + strconv.Itoa(i) + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
	}
	return b.String()
}

func repeat(status, n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = status
	}
	return all
}

// body is an answer with text.
func body(text string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(text)) + "\r\n\r\n" + text
}
