package wire

import (
	"strings"
	"testing"
)

func TestFraming(t *testing.T) {
	post := func(lines ...string) string {
		return "POST / HTTP/1.1\r\nHost: a\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	runRequests(t, append([]requestCase{
		{"35 both lengths", post("Content-Length: 5", "Transfer-Encoding: chunked"), 400, ""},
		{"35 both lengths, the other way round", post("Transfer-Encoding: chunked", "Content-Length: 5"), 400, ""},
		{"35 both lengths, no length at all", post("Transfer-Encoding: chunked", "Content-Length: 0"), 400, ""},
		{"35 both lengths, in other case", post("transfer-encoding: Chunked", "CONTENT-LENGTH: 5"), 400, ""},
		{"35 length and an unknown coding", post("Transfer-Encoding: gzip", "Content-Length: 5"), 400, ""},
		{"36 HTTP 1.0 with a coding", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, ""},
		{"36 HTTP 1.0 with an unknown coding", "POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n", 400, ""},
		{"37 two equal lengths", post("Content-Length: 5", "content-length: 5"), 400, ""},
		{"38 two lengths that differ", post("Content-Length: 5", "Content-Length: 6"), 400, ""},
		{"39 length", post("Content-Length: 5"), 0, "POST / 1.1 host=a body"},
		{"39 length with white space around", post("Content-Length: \t 5 \t"), 0, "POST / 1.1 host=a body"},
		{"39 leading zero", post("Content-Length: 010"), 0, "POST / 1.1 host=a body"},
		{"39 length of nothing", post("Content-Length: 0"), 0, "POST / 1.1 host=a"},
		{"39 largest length", post("Content-Length: 9223372036854775807"), 0, "POST / 1.1 host=a body"},
		{"42 chunked", post("Transfer-Encoding: chunked"), 0, "POST / 1.1 host=a chunked"},
		{"42 chunked in other case", post("Transfer-Encoding: \tChUnKeD "), 0, "POST / 1.1 host=a chunked"},
		{"42 two codings on two lines", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, ""},
		{"42 two lines, the first empty", post("Transfer-Encoding:", "Transfer-Encoding: chunked"), 400, ""},
		{"48 GET with a length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 0, "GET / 1.1 host=a body"},
		{"49 POST without a length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "POST / 1.1 host=a"},
	}, concat(
		refusedEach("37 length in a list", 400, post("Content-Length: $"), "5, 5", "5,5", "5,", ",5", "5;5"),
		refusedEach("39 length", 400, post("Content-Length: $"), "", "+5", "-1", "-0", "0x5", "1_0", "5 5", "5.0", "5e1", "a", "\"5\"", "٥", "\xa05", "\x855",
			"9223372036854775808", "18446744073709551616", "18446744073709551621", "99999999999999999999", "000000000000000000005"),
		refusedEach("40 single unknown coding", 501, post("Transfer-Encoding: $"), "gzip", "identity", "xchunked", "chunkedx", "chunked;q=1", "chunked ;q=1", "x-chunked"),
		refusedEach("41 another coding first", 501, post("Transfer-Encoding: $"), "gzip, chunked", "gzip,Chunked", "identity, chunked", "gzip, deflate"),
		refusedEach("42 coding", 400, post("Transfer-Encoding: $"), "", "chunked, chunked", "chunked, gzip", "chunked, identity", ",chunked", "chunked,", ", chunked", "chunked, ",
			"gzip,,chunked", "\x0bchunked", "chunked\x0b", "\x00chunked", "\"chunked\"", "'chunked'\x7f", "chunk ed", "chunked chunked", "[chunked]", "\x85chunked", "\xa0chunked"))...))
}

// TestLength: what is accepted as a length is read as that number.
func TestLength(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "5": 5, "010": 10, "9223372036854775807": 1<<63 - 1, "00000000000000000007": 7} {
		r, _, err := parseRequest([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + text + "\r\n\r\n"))
		if err != nil || r.Length != want {
			t.Errorf("%s is read as %d, %v", text, r.Length, err)
		}
	}
	r, _, err := parseRequest([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))
	if err != nil || r.Length != -1 {
		t.Errorf("chunked is of length %d, %v, want -1", r.Length, err)
	}
}

// TestPipelined: a head ends where it ends; what follows is left for the next one (row 47).
func TestPipelined(t *testing.T) {
	in := []byte(strings.Repeat("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n", 500))
	for i := range 1000 {
		r, end, err := parseRequest(in)
		want := "/" + string(rune('1'+i%2))
		if err != nil || string(r.Target) != want {
			t.Fatalf("47 request %d is for %q (%v), want %q", i, r.Target, err, want)
		}
		in = in[end:]
	}
	if len(in) > 0 {
		t.Errorf("47 %d bytes are left", len(in))
	}
}

// TestRequestIsReused: nothing of a request shows in the next one parsed into the same memory.
func TestRequestIsReused(t *testing.T) {
	full := []byte(strings.Replace(webSocket("GET", "1.1"), "Host: a", "Host: full.test\r\nTE: trailers\r\nConnection: close", 1))
	var r Request
	if err := r.Parse(full); err != nil || r.WebSocketKey == nil || !r.Trailers || !r.Close {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := r.Parse([]byte("PUT http://b/..?q HTTP/1.0\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := summary(&r), "PUT /..?q 1.0 host=b body"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: c\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if summary(&r) != "GET / 1.1 host=c" || r.Length != 0 || r.Close || r.Continue || r.Trailers || r.ReviewPath || r.WebSocketKey != nil || r.Get(Connection) != nil {
		t.Errorf("%+v", r)
	}
}

func TestMethods(t *testing.T) {
	for method, want := range map[string][2]bool{
		"GET": {true, false}, "HEAD": {true, true}, "OPTIONS": {true, false}, "PUT": {true, false}, "DELETE": {true, false},
		"POST": {false, false}, "PATCH": {false, false}, "head": {false, false}, "FOO": {false, false},
	} {
		r := Request{Method: []byte(method)}
		if r.Idempotent() != want[0] || r.IsHead() != want[1] {
			t.Errorf("%s: idempotent %v, HEAD %v, want %v", method, r.Idempotent(), r.IsHead(), want)
		}
	}
}
