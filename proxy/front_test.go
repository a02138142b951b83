package proxy

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
)

// A change makes a test's configuration of the usual one.
type change = func(*conf.Server, *conf.App)

// trusting is a configuration that believes the visitors of the test.
func trusting(s *conf.Server, _ *conf.App) {
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

// trustingUnix believes those who connect over a unix socket, and only them.
func trustingUnix(s *conf.Server, _ *conf.App) { s.TrustUnix = true }

// all makes one change of several.
func all(changes ...change) change {
	return func(s *conf.Server, a *conf.App) {
		for _, change := range changes {
			change(s, a)
		}
	}
}

// unixSocket has the front listen on a unix socket, too, and returns how to connect to it.
func (f *front) unixSocket() (dial func() *visitor) {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "front.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.t.Fatal(err)
	}
	go func() { _ = f.server.Serve(l) }()
	return func() *visitor {
		f.t.Helper()
		c, err := net.Dial("unix", path)
		if err != nil {
			f.t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(longWait))
		f.t.Cleanup(func() { _ = c.Close() })
		return &visitor{Conn: c, Reader: bufio.NewReader(c), t: f.t}
	}
}

// mirror is an app that answers with the head that it was sent.
func mirror(_ testing.TB, c *appConn) {
	for {
		head, _ := c.request()
		if head == "" {
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(head), head)
	}
}

// asked sends a GET with these header lines to a mirror and returns what the app was told.
func (c *visitor) asked(lines ...string) http.Header {
	c.t.Helper()
	c.send("GET / HTTP/1.1\r\n%s\r\n\r\n", strings.Join(lines, "\r\n"))
	return c.told()
}

func (c *visitor) told() http.Header {
	c.t.Helper()
	_, head := c.answer("GET")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		c.t.Fatalf("the app was sent %q: %v", head, err)
	}
	return r.Header
}

// expectHeader checks fields given as name and value in turn; "" is none at all.
func expectHeader(t *testing.T, h http.Header, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := strings.Join(h.Values(pairs[i]), " | "); got != pairs[i+1] {
			t.Errorf("%s is %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

// expectFailure checks an answer of purser's own.
func (c *visitor) expectFailure(method string, status int, reason string) *http.Response {
	c.t.Helper()
	res, _ := c.answer(method)
	if res.StatusCode != status || res.Header.Get("Purser-Error") != reason {
		c.t.Errorf("got %d %s, want %d %s", res.StatusCode, res.Header.Get("Purser-Error"), status, reason)
	}
	return res
}

// free waits until every process is ready, and none is lent.
func (f *front) free() *front {
	f.t.Helper()
	f.await("every process is free", func() bool {
		return !slices.ContainsFunc(f.group.Snapshot().Processes, func(p pool.ProcessSnapshot) bool {
			return p.State != "ready" || p.Requests > 0
		})
	})
	return f
}

// expectLog waits for a line of the log that has all these words.
func (f *front) expectLog(words ...string) {
	f.t.Helper()
	f.await("the log says "+strings.Join(words, " "), func() bool {
		for line := range strings.Lines(f.log.String()) {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return true
			}
		}
		return false
	})
}

// past is a context that has ended.
func past(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// has reports whether what has come from the front so far ends in some text.
func (c *visitor) has(end string) bool {
	c.t.Helper()
	if _, err := c.Peek(1); err != nil {
		c.t.Fatal(err)
	}
	b, _ := c.Peek(c.Buffered())
	if !strings.Contains(string(b), end) {
		_, _ = c.Peek(c.Buffered() + 1)
	}
	b, _ = c.Peek(c.Buffered())
	return strings.Contains(string(b), end)
}

func chunkOf(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }
