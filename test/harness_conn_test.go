package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// slowRequest sends a request that one process is busy with for so long.
func slowRequest(t *testing.T, p *harness.Purser, ms int) *wire {
	t.Helper()
	w := dial(t, p)
	w.send(fmt.Sprintf("GET /slow?ms=%d HTTP/1.1\r\nHost: example.org\r\n\r\n", ms))
	return w
}

// mustBeAnswered expects that requests that were sent get 200.
func mustBeAnswered(t *testing.T, sent ...*wire) {
	t.Helper()
	for _, w := range sent {
		if a := w.answer("GET"); a.StatusCode != 200 {
			t.Errorf("a request that was under way got %d: %s", a.StatusCode, a.Body)
		}
	}
}

// dialUnix is dial for a listener on a unix socket.
func dialUnix(t *testing.T, path string) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// get asks for a path on a connection of its own and reads the whole answer.
func get(t testing.TB, p *harness.Purser, path string) harness.Answer {
	t.Helper()
	return request(t, p, "GET "+path+" HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
}

// request sends bytes on a connection of its own and reads one answer.
func request(t testing.TB, p *harness.Purser, bytes string) harness.Answer {
	t.Helper()
	c := dial(t, p)
	c.send(bytes)
	return c.answer("GET")
}

// A wire is one raw connection to purser.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, p *harness.Purser) *wire {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (w *wire) send(bytes string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, bytes); err != nil {
		w.t.Fatalf("cannot send: %v", err)
	}
}

// sendAside sends while the answer is read, which may come and end the connection before all is sent.
// The channel is closed once it no longer sends.
func (w *wire) sendAside(bytes string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(w.conn, bytes)
	}()
	return done
}

// answer reads one answer, to a request of the given method, to its end.
func (w *wire) answer(method string) harness.Answer {
	w.t.Helper()
	a, _, err := w.tryAnswer(method)
	if err != nil {
		w.t.Fatalf("cannot read the answer: %v", err)
	}
	return a
}

func (w *wire) tryAnswer(method string) (harness.Answer, *http.Response, error) {
	resp, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		return harness.Answer{}, nil, err
	}
	a := harness.Answer{StatusCode: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a, resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	a.Body = string(body)
	return a, resp, err
}

// closed reports whether purser ends the connection without another byte.
func (w *wire) closed() bool {
	n, err := w.in.Read(make([]byte, 1))
	return n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// mustBeCut expects that a request got no answer of the app.
func (w *wire) mustBeCut() {
	w.t.Helper()
	_ = w.conn.SetDeadline(time.Now().Add(patience / 2))
	a, _, err := w.tryAnswer("GET")
	if err != nil {
		w.t.Fatalf("the request that was to be cut was not answered: %v", err)
	}
	if a.StatusCode != http.StatusBadGateway && a.StatusCode != http.StatusGatewayTimeout || a.Header.Get("Purser-Error") == "" {
		w.t.Errorf("the request that was to be cut got %d, Purser-Error %q", a.StatusCode, a.Header.Get("Purser-Error"))
	}
}

// dialSlowly connects with a small receive buffer, so that the kernel takes little ahead.
func dialSlowly(t *testing.T, p *harness.Purser) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	return conn
}

func sendAll(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("cannot send: %v", err)
	}
}

// refuses reports whether purser accepts no connection any more.
func refuses(p *harness.Purser) bool {
	conn, err := net.Dial("tcp", p.Addr)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

// mustPass reads lines until one contains text.
func (w *wire) mustPass(text string) {
	w.t.Helper()
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			w.t.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}
