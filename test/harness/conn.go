package harness

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A Conn is one raw connection to purser.
type Conn struct {
	T   testing.TB
	Net net.Conn
	In  *bufio.Reader

	Patience time.Duration // for what is sent and read next; 0 = Patience
}

// renew begins the connection's time anew: a test may have let it rest for long.
func (w *Conn) renew() { _ = w.Net.SetDeadline(time.Now().Add(cmp.Or(w.Patience, Patience))) }

// Dial connects. The connection is closed at the end of the test.
func Dial(t testing.TB, p *Purser) *Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(Patience))
	return &Conn{T: t, Net: conn, In: bufio.NewReader(conn)}
}

// DialUnix is Dial for a listener on a unix socket.
func DialUnix(t *testing.T, path string) *Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(Patience))
	return &Conn{T: t, Net: conn, In: bufio.NewReader(conn)}
}

// Send sends bytes as they are.
func (w *Conn) Send(bytes string) {
	w.T.Helper()
	w.renew()
	if _, err := io.WriteString(w.Net, bytes); err != nil {
		w.T.Fatalf("cannot send: %v", err)
	}
}

// SendAside sends while the answer is read, which may come and end the connection before all is sent.
// The channel is closed once it no longer sends.
func (w *Conn) SendAside(bytes string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(w.Net, bytes)
	}()
	return done
}

// Answer reads one answer, to a request of the given method, to its end.
func (w *Conn) Answer(method string) Answer {
	w.T.Helper()
	w.renew()
	a, _, err := w.TryAnswer(method)
	if err != nil {
		w.T.Fatalf("cannot read the answer: %v", err)
	}
	return a
}

// TryAnswer is Answer for what may fail. After 101 the body is not read.
func (w *Conn) TryAnswer(method string) (Answer, *http.Response, error) {
	resp, err := http.ReadResponse(w.In, &http.Request{Method: method})
	if err != nil {
		return Answer{}, nil, err
	}
	a := Answer{StatusCode: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a, resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	a.Body = string(body)
	return a, resp, err
}

// Closed reports whether purser ends the connection without another byte.
func (w *Conn) Closed() bool {
	w.renew()
	n, err := w.In.Read(make([]byte, 1))
	return n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// MustBeCut expects that a request got no answer of the app.
func (w *Conn) MustBeCut() {
	w.T.Helper()
	_ = w.Net.SetDeadline(time.Now().Add(Patience / 2))
	a, _, err := w.TryAnswer("GET")
	if err != nil {
		w.T.Fatalf("the request that was to be cut was not answered: %v", err)
	}
	if a.StatusCode != http.StatusBadGateway && a.StatusCode != http.StatusGatewayTimeout || a.Header.Get("Purser-Error") == "" {
		w.T.Errorf("the request that was to be cut got %d, Purser-Error %q", a.StatusCode, a.Header.Get("Purser-Error"))
	}
}

// MustPass reads lines until one contains text.
func (w *Conn) MustPass(text string) {
	w.T.Helper()
	w.renew()
	for {
		line, err := w.In.ReadString('\n')
		if err != nil {
			w.T.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

// Get asks for a path on a connection of its own and reads the whole answer.
func Get(t testing.TB, p *Purser, path string) Answer {
	t.Helper()
	return Ask(t, p, "GET "+path+" HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
}

// Ask sends bytes on a connection of its own and reads one answer.
func Ask(t testing.TB, p *Purser, bytes string) Answer {
	t.Helper()
	c := Dial(t, p)
	c.Send(bytes)
	return c.Answer("GET")
}

// SlowRequest sends a request that one process is busy with for so long.
func SlowRequest(t *testing.T, p *Purser, ms int) *Conn {
	t.Helper()
	w := Dial(t, p)
	w.Send(fmt.Sprintf("GET /slow?ms=%d HTTP/1.1\r\nHost: example.org\r\n\r\n", ms))
	return w
}

// MustBeAnswered expects that requests that were sent get 200.
func MustBeAnswered(t *testing.T, sent ...*Conn) {
	t.Helper()
	for _, w := range sent {
		if a := w.Answer("GET"); a.StatusCode != 200 {
			t.Errorf("a request that was under way got %d: %s", a.StatusCode, a.Body)
		}
	}
}

// DialSlowly connects with a small receive buffer, so that the kernel takes little ahead.
func DialSlowly(t *testing.T, p *Purser) net.Conn {
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

// SendAll sends a text on a connection of the net package.
func SendAll(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("cannot send: %v", err)
	}
}

// Refuses reports whether purser accepts no connection any more.
func Refuses(p *Purser) bool {
	conn, err := net.Dial("tcp", p.Addr)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}
