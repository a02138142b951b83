package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseRequest parses what a client sent as a connection does: the first head in it.
func parseRequest(sent []byte) (r Request, end int, err error) {
	end, _, err = HeadEnd(sent, 0, true)
	if err == nil && end == 0 {
		err = errUnfinished
	}
	if err == nil {
		err = r.Parse(sent[:end])
	}
	return r, end, err
}

var errUnfinished = errors.New("the head has no end")

// statusOf returns the answer that a message deserves: 0 if it is accepted.
func statusOf(tb testing.TB, err error) int {
	tb.Helper()
	var refusal *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refusal):
		return refusal.Status
	}
	tb.Fatalf("%v is no refusal", err)
	return 0
}

// A requestCase is a row of the table of bad and unusual requests, by number.
type requestCase struct {
	row    string
	send   string
	status int    // of the refusal; 0 = accepted
	want   string // of an accepted one, as shown by summary
}

func runRequests(t *testing.T, cases []requestCase) {
	for _, c := range cases {
		t.Run(c.row, func(t *testing.T) {
			r, _, err := parseRequest([]byte(c.send))
			if got := statusOf(t, err); got != c.status {
				t.Fatalf("%.200q: status %d (%v), want %d", c.send, got, err, c.status)
			}
			if err == nil && c.want != "" {
				if diff := cmp.Diff(c.want, summary(&r)); diff != "" {
					t.Errorf("%.200q (-want +got):\n%s", c.send, diff)
				}
			}
		})
	}
}

// summary shows what matters of an accepted request: its line, its host, the fields that go on and how
// its body is framed.
func summary(r *Request) string {
	parts := []string{string(r.Method), string(r.Target), "1." + string(rune('0'+r.Minor)), "host=" + string(r.Host)}
	for _, f := range r.Fields {
		if !f.Drop {
			parts = append(parts, string(f.Name)+"="+string(f.Value))
		}
	}
	switch {
	case r.Chunked:
		parts = append(parts, "chunked")
	case r.Length > 0:
		parts = append(parts, "body")
	}
	return strings.Join(parts, " ")
}

// with returns a request with one line more than it needs.
func with(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: a.test\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// line returns a request with that request line.
func line(l string) string { return l + "\r\nHost: a.test\r\n\r\n" }

// refusedEach makes one refused case of each value, put in the place of $ in send.
func refusedEach(row string, status int, send string, values ...string) (all []requestCase) {
	for _, v := range values {
		name := row
		if len(v) < 40 {
			name += " " + visible(v)
		}
		all = append(all, requestCase{name, strings.ReplaceAll(send, "$", v), status, ""})
	}
	return all
}

func visible(s string) string {
	return strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`, "\x00", `\0`, "\x0b", `\v`, "\x7f", `\x7f`, "\x80", `\x80`, "/", "⁄", " ", "␣").Replace(s)
}

func TestRequestLine(t *testing.T) {
	runRequests(t, append([]requestCase{
		{"2 CRLF ends each line", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "GET / 1.1 host=a"},
		{"2 bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, ""},
		{"2 bare LF after a header line", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, ""},
		{"2 bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, ""},
		{"2 bare LF before the head", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
		{"3 bare CR in the request line", line("GET /\rx HTTP/1.1"), 400, ""},
		{"3 bare CR in the method", line("G\rT / HTTP/1.1"), 400, ""},
		{"3 bare CR after the version", line("GET / HTTP/1.1\r"), 400, ""},
		{"3 bare CR in a name", with("X\rY: b"), 400, ""},
		{"3 bare CR in a value", with("X: a\rb"), 400, ""},
		{"3 bare CR begins a value", with("X:\ra"), 400, ""},
		{"3 CR CR LF after a value", with("X: a\r"), 400, ""},
		{"3 CR CR LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400, ""},
		{"3 lone CR as a line", with("\r"), 400, ""},
		{"4 two spaces after the method", line("GET  / HTTP/1.1"), 400, ""},
		{"4 two spaces after the target", line("GET /  HTTP/1.1"), 400, ""},
		{"4 tab after the method", line("GET\t/ HTTP/1.1"), 400, ""},
		{"4 tab after the target", line("GET /\tHTTP/1.1"), 400, ""},
		{"4 space after the version", line("GET / HTTP/1.1 "), 400, ""},
		{"4 space before the method", line(" GET / HTTP/1.1"), 400, ""},
		{"5 unknown method", line("FOO / HTTP/1.1"), 0, "FOO / 1.1 host=a.test"},
		{"5 lower-case method is another one", line("get / HTTP/1.1"), 0, "get / 1.1 host=a.test"},
		{"5 method of every kind of tchar", line("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"), 0, ""},
		{"6 method of 32 bytes", line(strings.Repeat("M", 32) + " / HTTP/1.1"), 0, ""},
		{"6 method of 33 bytes", line(strings.Repeat("M", 33) + " / HTTP/1.1"), 400, ""},
		{"6 method is no token", line("GE(T / HTTP/1.1"), 400, ""},
		{"6 no method", line("/ HTTP/1.1"), 400, ""},
		{"7 HTTP 0.9", "GET /\r\n\r\n", 400, ""},
		{"7 HTTP 0.9 with a space", "GET / \r\n\r\n", 400, ""},
		{"7 only a method", "GET\r\n\r\n", 400, ""},
		{"8 HTTP 1.0", line("GET / HTTP/1.0"), 0, "GET / 1.0 host=a.test"},
		{"8 HTTP 1.2 is read as 1.1", line("GET / HTTP/1.2"), 0, "GET / 1.1 host=a.test"},
		{"8 HTTP 1.9 is read as 1.1", line("GET / HTTP/1.9"), 0, "GET / 1.1 host=a.test"},
		{"9 PRI preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
		{"16 OPTIONS *", line("OPTIONS * HTTP/1.1"), 0, "OPTIONS * 1.1 host=a.test"},
		{"16 GET *", line("GET * HTTP/1.1"), 400, ""},
		{"16 OPTIONS **", line("OPTIONS ** HTTP/1.1"), 400, ""},
		{"63 TRACE", line("TRACE / HTTP/1.1"), 405, ""},
		{"63 TRACK", line("TRACK / HTTP/1.1"), 405, ""},
	}, append(
		refusedEach("8 version", 505, line("GET / $"), "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"),
		refusedEach("8 version", 400, line("GET / $"), "HTTP/1.10", "http/1.1", "HTTP/01.1", "HTTP/0.9", "HTTP/1",
			"HTTP/1.", "HTTP/1.x", "HTTP/x.1", "HTTP/1,1", "HTTPS/1.1", "HTTP /1.1", "HTTP/-1.1", "X")...)...))
}

func TestRequestTarget(t *testing.T) {
	long := strings.Repeat("a", MaxTarget-1)
	runRequests(t, append([]requestCase{
		{"10 target of 8 KiB", line("GET /" + long + " HTTP/1.1"), 0, ""},
		{"10 target above 8 KiB", line("GET /" + long + "a HTTP/1.1"), 414, ""},
		{"10 query above 8 KiB", line("GET /?" + long + " HTTP/1.1"), 414, ""},
		{"13 absolute form", line("GET http://b.test/p?q=1 HTTP/1.1"), 0, "GET /p?q=1 1.1 host=b.test"},
		{"13 absolute form in any case", line("GET HTTPS://B.test:8443/p HTTP/1.1"), 0, "GET /p 1.1 host=B.test:8443"},
		{"13 absolute form without a path", line("GET http://b.test HTTP/1.1"), 0, "GET / 1.1 host=b.test"},
		{"13 absolute form keeps two slashes", line("GET http://b.test//p HTTP/1.1"), 0, "GET //p 1.1 host=b.test"},
		{"13 absolute form in HTTP 1.0 needs no Host", "GET http://b.test/p HTTP/1.0\r\n\r\n", 0, "GET /p 1.0 host=b.test"},
		{"13 absolute form with a query alone", line("GET http://b.test?x=1 HTTP/1.1"), 0, "GET /?x=1 1.1 host=b.test"},
		{"13 absolute form with an empty query alone", line("GET http://b.test:80? HTTP/1.1"), 0, "GET /? 1.1 host=b.test:80"},
		{"13 absolute form with a query that has slashes", line("GET http://b.test?/../x?y HTTP/1.1"), 0, "GET /?/../x?y 1.1 host=b.test"},
		{"13 absolute form with an empty port", line("GET http://b.test:/p HTTP/1.1"), 0, "GET /p 1.1 host=b.test:"},
		{"14 the target wins over Host", "GET http://b.test/ HTTP/1.1\r\nHost: c.test\r\n\r\n", 0, "GET / 1.1 host=b.test"},
		{"14 Host is needed all the same", "GET http://b.test/ HTTP/1.1\r\n\r\n", 400, ""},
		{"14 Host is checked all the same", "GET http://b.test/ HTTP/1.1\r\nHost: c/d\r\n\r\n", 400, ""},
		{"15 CONNECT with an authority", line("CONNECT a.test:443 HTTP/1.1"), 405, ""},
		{"15 CONNECT with a path", line("CONNECT / HTTP/1.1"), 405, ""},
		{"17 two slashes are a path", line("GET //evil.com/x HTTP/1.1"), 0, "GET //evil.com/x 1.1 host=a.test"},
		{"17 two slashes with userinfo are a path", line("GET //u@evil.com:80/x HTTP/1.1"), 0, "GET //u@evil.com:80/x 1.1 host=a.test"},
		{"115 the query is kept byte for byte", line("GET /?a;b+c&&%zz=%&/../?# HTTP/1.1"), 400, ""},
		{"115 the query is kept byte for byte", line("GET /?a;b+c&&%zz=%&/../?\\ HTTP/1.1"), 0, "GET /?a;b+c&&%zz=%&/../?\\ 1.1 host=a.test"},
	}, concat(
		refusedEach("11 in the path", 400, line("GET /a$b HTTP/1.1"), " ", "\x00", "\x01", "\t", "\x0b", "\x1f", "\x7f", "\x80", "\xc3\xa4", "\xff"),
		refusedEach("11 in the query", 400, line("GET /?a$b HTTP/1.1"), " ", "\x00", "\t", "\x7f", "\x80", "\xff"),
		refusedEach("12 fragment", 400, line("GET $ HTTP/1.1"), "/#", "/a#b", "/?a#b"),
		refusedEach("13 absolute form", 400, line("GET $ HTTP/1.1"), "http://u@b.test/", "http://u:p@b.test/", "ftp://b.test/",
			"http:///p", "http://", "http:/p", "http:b.test", "http://?q", "http://u@b.test?q", "://b.test/", "javascript://b.test/", "http://b test/", "http://b,c/", "http://b.test:x/"),
		refusedEach("15 authority form", 400, line("GET $ HTTP/1.1"), "a.test:80", "a.test", "[::1]:80"),
		refusedEach("18 no leading slash", 400, line("GET $ HTTP/1.1"), "foo", "?q", ".", "../x", "%2f", "\\x"))...))
}

// TestFirstLine: what is shown of a head ends with its first line, however that ends.
func TestFirstLine(t *testing.T) {
	for _, c := range []struct {
		head string
		most int
		want string
	}{
		{"GET / HTTP/1.1\r\nCookie: a", 100, "GET / HTTP/1.1"}, {"GET /\nCookie: a", 100, "GET /"}, {"GET /\rCookie: a", 100, "GET /"},
		{"\r\nCookie: a", 100, ""}, {"GET /", 100, "GET /"}, {"\x16\x03\x00\xff", 100, "\x16\x03\x00\xff"}, {"", 100, ""},
		{"GET /\r\nCookie: a", 5, "GET /"}, {"GET /\r\nCookie: a", 3, "GET"}, {"GET /", 0, ""},
	} {
		if got := FirstLine([]byte(c.head), c.most); string(got) != c.want {
			t.Errorf("of %q at most %d bytes: %q, want %q", c.head, c.most, got, c.want)
		}
	}
}

func concat(groups ...[]requestCase) (all []requestCase) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// TestReviewPath: what need not be normalised is what NormalPath would leave alone.
func TestReviewPath(t *testing.T) {
	for path, review := range map[string]bool{
		"/": false, "/a/b.c/d..e": false, "/a/": false, "/~u/a;b=c,d": false,
		"http://b.test/../a": true, "//a": true, "/a//b": true, "/.": true, "/a/../b": true, "/.a": true, "/%61": true, "/a\\b": true,
	} {
		r, _, err := parseRequest([]byte(line("GET " + path + "?/../%zz HTTP/1.1")))
		if want := strings.TrimPrefix(path, "http://b.test"); err != nil || r.ReviewPath != review || string(r.Path) != want {
			t.Errorf("%q: path %q, review %v, %v; want %q, %v", path, r.Path, r.ReviewPath, err, want, review)
		}
	}
}
