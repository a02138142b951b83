package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// sendsFirst is a client that sends all it has before it reads, as Python's http.client does. It reports
// the status that it reads then, or why there is none.
func sendsFirst(c *visitor, head string, body io.Reader) string {
	c.t.Helper()
	c.send("%s", head)
	if _, err := io.Copy(c.Conn, body); err != nil {
		return "sending: " + err.Error()
	}
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		return "reading: " + err.Error()
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", res.Header.Get("Purser-Error")))
}

const bigBody = 30 << 20

func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// chunks is a body of n chunks of 64 KiB, and then its end.
func chunks(n int) io.Reader {
	one := fmt.Sprintf("10000\r\n%s\r\n", strings.Repeat("x", 64<<10))
	return io.MultiReader(strings.NewReader(strings.Repeat(one, n)), strings.NewReader("0\r\n\r\n"))
}

func TestRefusalIsReadByAClientThatSendsAllFirst(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := c.ReadString('\n')
			if err != nil {
				return
			}
			head += line
		}
		c.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") // and closes, without reading the body
	}, func(s *conf.Server, a *conf.App) {
		a.MaxBody, a.Hosts, s.SpoolLimit = 4<<20, []string{"a", "roomy"}, conf.Share{Bytes: 8 << 20}
	})
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n", bigBody)
	chunked := "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name, head string
		body       io.Reader
		want       string
	}{
		{"a length above max_body", "POST / HTTP/1.1\r\nHost: a\r\n" + length, zeros(bigBody), "413 body_too_large"},
		{"chunks above max_body", "POST / HTTP/1.1\r\nHost: a\r\n" + chunked, chunks(bigBody >> 16), "413 body_too_large"},
		{"asking to close", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + length, zeros(bigBody), "413 body_too_large"},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\n" + length, zeros(bigBody), "413 body_too_large"},
		{"a host that is not served", "POST / HTTP/1.1\r\nHost: b\r\n" + length, zeros(bigBody), "404 no_app"},
		{"a bad head", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n" + length, zeros(bigBody), "400 bad_request"},
		{"a bad chunk", "POST / HTTP/1.1\r\nHost: a\r\n" + chunked, io.MultiReader(strings.NewReader("what\r\n"), zeros(bigBody)), "400 bad_request"},
		{"the app's own", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n", zeros(4_000_000), "401"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sendsFirst(f.dial(), c.head, c.body); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFullSpoolIsReadByAClientThatSendsAllFirst(t *testing.T) {
	f := newFront(t, hello, func(s *conf.Server, _ *conf.App) { s.SpoolLimit = conf.Share{Bytes: 1 << 20} })
	got := sendsFirst(f.dial(), fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", bigBody), zeros(bigBody))
	if got != "503 spool_full" {
		t.Errorf("got %s, want 503 spool_full", got)
	}
}

// paced gives a piece at each tick.
type paced struct {
	from io.Reader
	tick *time.Ticker
}

func (p paced) Read(b []byte) (int, error) {
	<-p.tick.C
	return p.from.Read(b)
}

func TestRefusalIsReadByAClientThatTakesLongToSend(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.MaxBody = 1 << 20 })
	tick := time.NewTicker(10 * time.Millisecond) // the client's pace: about 3 MB/s
	defer tick.Stop()
	const size = 10_000_000
	got := sendsFirst(f.dial(), fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size), paced{zeros(size), tick})
	if got != "413 body_too_large" {
		t.Errorf("got %s, want 413 body_too_large", got)
	}
}

func TestConnectionThatLingersEndsOnceTheClientHasRead(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.MaxBody = 1 })
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome of it")
	if res, _ := c.answer("POST"); res.StatusCode != 413 || !res.Close {
		t.Errorf("got %d, want 413 and the end", res.StatusCode)
	}
	c.expectEnd() // the front has closed its side
	_ = c.Close()
	f.await("nothing lingers", func() bool { return len(f.server.sweeper.Deadlines()) == 0 })
}
