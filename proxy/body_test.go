package proxy

import (
	"fmt"
	"strings"
	"testing"

	"purser/conf"
)

// expectSent sends a POST with a chunked body and trailers, and checks how the app was sent it.
func expectSent(t *testing.T, change change, lines, body, trailers string, want ...string) {
	t.Helper()
	heads := make(chan string, 1)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, got := c.request()
		heads <- head
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(got), got)
	}, change)
	chunks := ""
	if body != "" {
		chunks = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	}
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n%s0\r\n%s\r\n", lines, chunks, trailers).expect(200, body)
	head := <-heads
	for _, line := range want {
		if line, without := strings.CutPrefix(line, "no "); strings.Contains(head, line) == without {
			t.Errorf("the app was sent %q, and %q is wrong there", head, line)
		}
	}
}

// Apps that know no chunked bodies see an empty one.
func TestBodyHasALengthHoweverItCame(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct{ lines, body, trailers string }{
		"in chunks":               {"", "abc", ""},
		"with a trailer":          {"", "abc", "X-Sum: 42\r\n"},
		"that is announced":       {"Trailer: X-Sum\r\n", "abc", "X-Sum: 42\r\n"},
		"and the answer may, too": {"TE: trailers\r\nConnection: TE\r\n", "abc", "X-Sum: 42\r\n"},
		"empty, with a trailer":   {"", "", "X-Sum: 42\r\n"},
		"in a file":               {"", large, "X-Sum: 42\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			expectSent(t, nil, c.lines, c.body, c.trailers, fmt.Sprintf("Content-Length: %d\r\n", len(c.body)), "no Transfer-Encoding", "no Trailer", "no X-Sum", "no TE:")
		})
	}
}

func TestBodyIsChunkedOnlyForTrailersThatTheAppWants(t *testing.T) {
	want := func(_ *conf.Server, a *conf.App) { a.PassTrailers = true }
	expectSent(t, want, "", "abc", "X-Sum: 42\r\n", "Transfer-Encoding: chunked\r\n", "no Content-Length")
	expectSent(t, want, "", "abc", "", "Content-Length: 3\r\n", "no Transfer-Encoding")
}

// What a stranger may not say in a head it may not say behind a body either.
func TestTrailersThatTheAppWantsSayNothingAboutTheClient(t *testing.T) {
	told := make(chan []string, 1)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for line := ""; line != "0\r\n"; {
			line, _ = c.ReadString('\n')
		}
		var trailers []string
		for line, _ := c.ReadString('\n'); line != "\r\n"; line, _ = c.ReadString('\n') {
			trailers = append(trailers, line)
		}
		told <- trailers
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, func(_ *conf.Server, a *conf.App) { a.PassTrailers = true })
	f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Prefix: /e\r\n"+
		"X-Forwarded-Ssl: on\r\nX-Request-ID: e\r\nX_Forwarded_For: e\r\nForwarded: for=e\r\nX-Sendfile-Type: e\r\nX-Sum: 42\r\n\r\n").expect(200, "ok")
	if got := <-told; len(got) != 1 || got[0] != "X-Sum: 42\r\n" {
		t.Errorf("the app was sent %q, want X-Sum alone", got)
	}
}
