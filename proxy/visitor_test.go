package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A visitor is a raw connection to the front.
type visitor struct {
	net.Conn
	*bufio.Reader
	t testing.TB
}

func (f *front) dial() *visitor {
	f.t.Helper()
	return f.dialTo(f.addr)
}

// dialSlowly is dial for a client whose kernel takes at most so many bytes that it does not read: by itself a
// kernel may take any number.
func (f *front) dialSlowly(most int) *visitor {
	f.t.Helper()
	return f.visitorOf(net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, most) })
		return errors.Join(err, failed)
	}}, f.addr)
}

func (f *front) dialTo(addr string) *visitor {
	f.t.Helper()
	return f.visitorOf(net.Dialer{}, addr)
}

func (f *front) visitorOf(d net.Dialer, addr string) *visitor {
	f.t.Helper()
	c, err := d.DialContext(f.t.Context(), "tcp", addr)
	if err != nil {
		f.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(longWait))
	f.t.Cleanup(func() { _ = c.Close() })
	if f.secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // names no host
	}
	return &visitor{Conn: c, Reader: bufio.NewReader(c), t: f.t}
}

func (c *visitor) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *visitor) send(format string, args ...any) *visitor {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.Conn, format, args...); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// answer reads one answer to a request of that method.
func (c *visitor) answer(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("the answer's body: %v", err)
	}
	return res, string(body)
}

// expect reads one answer to a GET and checks status and body.
func (c *visitor) expect(status int, body string) *http.Response {
	c.t.Helper()
	res, got := c.answer("GET")
	if res.StatusCode != status || got != body {
		c.t.Fatalf("got %d %q, want %d %q", res.StatusCode, got, status, body)
	}
	return res
}

// expectEnd checks that the front closes the connection without another byte.
func (c *visitor) expectEnd() {
	c.t.Helper()
	if b, err := io.ReadAll(c.Reader); err != nil || len(b) > 0 {
		c.t.Fatalf("got %q and %v, want a clean end", b, err)
	}
}

// awaits waits until a text has come, and leaves it to be read.
func (c *visitor) awaits(text string) {
	c.t.Helper()
	for n := len(text); ; n++ {
		got, err := c.Peek(n)
		if err != nil {
			c.t.Fatalf("%q has not come, but %q, and then %v", text, got, err)
		}
		if strings.HasSuffix(string(got), text) {
			return
		}
	}
}
