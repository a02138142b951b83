package client

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/proxy/sock"
	"purser/proxy/spool"
	"purser/proxy/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// usual are limits as they are by default.
var usual = Limits{Head: 15 * time.Second, KeepAlive: 75 * time.Second, Body: Pace{30 * time.Second, 500}, Send: Pace{30 * time.Second, 500}}

// longWait is how long a test waits for what must come.
const longWait = 20 * time.Second

// A harness is connections whose requests are answered by the test. Its clock stands still unless it is
// wound: deadlines pass when the test sweeps.
type harness struct {
	t     testing.TB
	conns *Conns
	l     net.Listener
	log   *syncBuffer

	secure *tls.Config // nil = connections in clear
}

// answer is how a test answers a call.
type answer func(c Call, bad error)

func (a answer) Serve(c Call, bad error) { a(c, bad) }

func open(t testing.TB, a answer) *harness { return openOn(t, "tcp", "127.0.0.1:0", a) }

func openOn(t testing.TB, network, address string, a answer) *harness {
	t.Helper()
	return openWith(t, network, address, a, func(*Config) {})
}

// openWith is openOn with something changed.
func openWith(t testing.TB, network, address string, a answer, change func(*Config)) *harness {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, l: l, log: &syncBuffer{}}
	if throughTLS && network == "tcp" {
		h.secure = ownTLS()
	}
	sweeper := sock.NewSweeper()
	c := Config{H2C: true, Limits: usual, Handler: func() Handler { return a }, Sweeper: sweeper,
		Spool: spool.New(func(room int64) int64 { return room / 2 }, 1<<40, sweeper.Clock), Log: hclog.New(&hclog.LoggerOptions{Output: h.log})}
	change(&c)
	h.conns = NewConns(c)
	var serving sync.WaitGroup
	serving.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			h.conns.AddTLS(c, h.secure)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
		h.conns.Stop()
		h.conns.Close()
	})
	return h
}

func openUnix(t testing.TB, a answer) *harness {
	return openOn(t, "unix", filepath.Join(t.TempDir(), "s"), a)
}

// later is a point after every deadline.
func (h *harness) later() { h.conns.Sweeper.Sweep(h.conns.Sweeper.Clock.In(time.Hour)) }

// await waits until so many connections are in a phase.
func (h *harness) await(p phase, n int) {
	h.t.Helper()
	h.until(fmt.Sprintf("%d connections in phase %d", n, p), func() bool {
		found := 0
		h.conns.each(func(c *conn) {
			if c.present() == p {
				found++
			}
		})
		return found == n
	})
}

func (h *harness) until(what string, cond func() bool) {
	h.t.Helper()
	for end := time.Now().Add(longWait); !cond(); {
		if time.Now().After(end) {
			h.t.Fatalf("not in time: %s", what)
		}
		time.Sleep(100 * time.Microsecond) // a pace, not a wait: who spins keeps the others from what is waited for
	}
}

// A visitor is a raw connection to them.
type visitor struct {
	net.Conn
	*bufio.Reader
	t testing.TB
}

func (h *harness) dial() *visitor {
	h.t.Helper()
	c := h.dialClear()
	if h.secure != nil {
		// In TLS 1.2 the server's is the last message: it is ready when we are.
		conn := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "example.com", MaxVersion: tls.VersionTLS12})
		if err := conn.Handshake(); err != nil {
			h.t.Fatal(err)
		}
		c.Conn, c.Reader = conn, bufio.NewReader(conn)
	}
	return c
}

// dialClear connects without TLS.
func (h *harness) dialClear() *visitor {
	h.t.Helper()
	c, err := net.Dial(h.l.Addr().Network(), h.l.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(longWait))
	h.t.Cleanup(func() { _ = c.Close() })
	return &visitor{Conn: c, Reader: bufio.NewReader(c), t: h.t}
}

func (g *visitor) Read(p []byte) (int, error) { return g.Reader.Read(p) }

func (g *visitor) send(format string, args ...any) *visitor {
	g.t.Helper()
	if _, err := fmt.Fprintf(g.Conn, format, args...); err != nil {
		g.t.Fatal(err)
	}
	return g
}

// expect reads one answer.
func (g *visitor) expect(status int, body string) *http.Response {
	g.t.Helper()
	res, err := http.ReadResponse(g.Reader, nil)
	if err != nil {
		g.t.Fatalf("no answer: %v", err)
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || string(got) != body {
		g.t.Fatalf("got %d %q, %v; want %d %q", res.StatusCode, got, err, status, body)
	}
	return res
}

// expectEnd checks that the connection ends in order, without another byte.
func (g *visitor) expectEnd() {
	g.t.Helper()
	if b, err := io.ReadAll(g.Reader); err != nil || len(b) > 0 {
		g.t.Fatalf("got %q and %v, want a clean end", b, err)
	}
}

// expectCut checks that the connection ends by a reset, after anything.
func (g *visitor) expectCut() {
	g.t.Helper()
	if b, err := io.ReadAll(g.Reader); err == nil {
		g.t.Fatalf("got %q and a clean end, want a cut", b)
	}
}

// give is a whole answer.
func give(c Call, status int, body string) {
	c.Begin(&wire.ResponseHead{Status: status, Reason: wire.Reason(status)}, int64(len(body)))
	c.Write([]byte(body))
	_ = c.End(nil)
}

// refusing answers what is no request, and leaves the rest to another.
func refusing(a answer) answer {
	return func(c Call, bad error) {
		if bad != nil {
			give(c, 400, bad.Error())
			return
		}
		a(c, nil)
	}
}

// telling answers with the request's path and body.
func telling(c Call, bad error) {
	refusing(func(c Call, _ error) {
		said := string(c.Request().Path)
		if c.Request().Length != 0 {
			var body spool.Body
			body.Init(spoolOf(c))
			defer body.Reset()
			if _, err := c.TakeBody(&body, 0); err != nil {
				give(c, 400, err.Error())
				return
			}
			b, _ := io.ReadAll(body.Reader())
			said += " " + string(b)
		}
		give(c, 200, said)
	})(c, bad)
}

func getting(path string, lines ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spoolOf returns where the body of a call goes.
func spoolOf(c Call) *spool.Spool {
	if c, ok := c.(*h2Call); ok {
		return c.all.set.Spool
	}
	return c.(*h1Call).conn.set.Spool
}
