package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"purser/conf"
)

func TestAnswersWithoutContentEndTheirStream(t *testing.T) {
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			switch {
			case head == "":
				return
			case strings.HasPrefix(head, "HEAD"):
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
			case strings.HasPrefix(head, "GET /304"):
				c.send("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n")
			default:
				c.send("HTTP/1.1 204 No Content\r\n\r\n")
			}
		}
	}, nil)
	c := f.client2()
	if res := f.expect2(c, "HEAD", "/", nil, 200, ""); res.ContentLength != 5 {
		t.Errorf("HEAD: got %d", res.ContentLength)
	}
	f.expect2(c, "GET", "/304", nil, 304, "")
	f.expect2(c, "GET", "/204", nil, 204, "")
}

func TestTrailersAndInterimAnswersReachClientsOfHTTP2(t *testing.T) {
	f := newFront2(t, answering("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), nil)
	c := f.client2()
	hints := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == 103 && h.Get("Link") == "</a.css>" && len(h) == 1 {
			hints++
		}
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", f.url("/"), nil)
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || string(b) != "ok" || res.Trailer.Get("X-Sum") != "1" || hints != 1 {
		t.Errorf("got %q, %v, trailers %v, %d hints", b, err, res.Trailer, hints)
	}
}

func TestTrailersOfAnHTTP2RequestReachTheAppThatWantsThem(t *testing.T) {
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		rest := ""
		for !strings.HasSuffix(rest, "\r\n\r\n") || !strings.Contains(rest, "\r\n0\r\n") {
			line, err := c.ReadString('\n')
			if rest += line; err != nil {
				break
			}
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(rest), rest)
	}, func(_ *conf.Server, a *conf.App) { a.PassTrailers = true })
	req, _ := http.NewRequestWithContext(t.Context(), "POST", f.url("/"), io.MultiReader(strings.NewReader("body")))
	req.Trailer = http.Header{"X-Sum": {"1"}}
	res, err := f.client2().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if !strings.Contains(string(b), "4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n") {
		t.Errorf("the app got %q", b)
	}
}

func TestBodyThatIsTooLargeIsRefusedOnItsStreamAlone(t *testing.T) {
	f := newFront2(t, echo2, func(_ *conf.Server, a *conf.App) { a.MaxBody = 1000 })
	c := f.client2()
	for range 3 {
		for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 1<<20)), io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)))} {
			res, _, err := f.fetch2(c, "POST", "/", body)
			if err != nil || res.StatusCode != 413 || res.Header.Get("Purser-Error") != "body_too_large" {
				t.Errorf("got %v, %v, want 413", res, err)
			}
		}
	}
	f.expect2(c, "POST", "/", strings.NewReader("small"), 200, "small")
}

func TestAppThatDiesInMidAnswerResetsTheStreamAlone(t *testing.T) {
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if strings.Contains(head, "/dies") {
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				return
			}
			if head == "" {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		}
	}, nil)
	c := f.client2()
	f.expect2(c, "GET", "/", nil, 200, "hello")
	_, got, err := f.fetch2(c, "GET", "/dies", nil)
	var reset http2.StreamError
	if !errors.As(err, &reset) || reset.Code != http2.ErrCodeInternal || got != "half" {
		t.Errorf("got %q, %v, want half and a reset", got, err)
	}
	f.expect2(c, "GET", "/", nil, 200, "hello")
}

func TestSlowReaderOfHTTP2HoldsNoProcess(t *testing.T) {
	const size = 8 << 20
	served := make(chan bool, 10)
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			if strings.Contains(head, "/large") {
				c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
				served <- true
				continue
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		}
	}, func(_ *conf.Server, a *conf.App) { a.Concurrency = 1 })
	c := f.client2()
	req, _ := http.NewRequestWithContext(t.Context(), "GET", f.url("/large"), nil)
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-served // and nobody has read a byte of it
	f.expect2(c, "GET", "/", nil, 200, "hello")
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

func TestClientThatResetsAStreamInMidAnswerLeavesTheOthersAlone(t *testing.T) {
	gone := make(chan bool, 1)
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			switch {
			case head == "":
				return
			case strings.Contains(head, "/endless"):
				c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n")
				_, _ = io.Copy(io.Discard, c.Conn)
				gone <- true
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		}
	}, nil)
	c := f.client2()
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", f.url("/endless"), nil)
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	f.expect2(c, "GET", "/", nil, 200, "hello")
	cancel()
	select {
	case <-gone:
	case <-time.After(longWait):
		t.Error("the app was not told that the client is gone")
	}
	f.expect2(c, "GET", "/", nil, 200, "hello")
}

func TestFilesAreServedOverHTTP2(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<16)
	f, _ := newFiles(t, speaking2(nil), "site.css", "body {}", "large.js", large)
	c := f.client2()
	f.expect2(c, "GET", "/site.css", nil, 200, "body {}")
	f.expect2(c, "GET", "/large.js", nil, 200, large)
	f.expect2(c, "HEAD", "/large.js", nil, 200, "")
	res, part, err := f.fetch2(c, "GET", "/large.js", nil, "Range", "bytes=16-31")
	if err != nil || res.StatusCode != 206 || part != large[16:32] {
		t.Errorf("got %v %q, %v", res, part, err)
	}
}

func TestAccessLogSaysHTTP2(t *testing.T) {
	for format, want := range map[string]string{"combined": `"GET /a HTTP/2.0" 200 5`, "json": `"target":"/a","protocol":"HTTP/2.0"`} {
		log := filepath.Join(t.TempDir(), "access.log")
		f := newFront2(t, hello, func(s *conf.Server, _ *conf.App) { s.AccessLog, s.AccessLogFormat = log, format })
		f.expect2(f.client2(), "GET", "/a", nil, 200, "hello")
		f.await("it is logged", func() bool {
			b, _ := os.ReadFile(log)
			return bytes.Contains(b, []byte(want))
		})
	}
}

// eightStreamsOver has eight streams of HTTP/2 answered, which is held back until the server is told to end. They all get
// their answer; ended tells of the server.
func eightStreamsOver(t *testing.T, end func(*front, context.Context) (ended <-chan error)) (f *front, ended <-chan error) {
	t.Helper()
	begun, release := make(chan string, 10), make(chan struct{})
	f = newFront2(t, heldBack(begun, release, func(c *appConn) {
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat("x", 1000000))
	}), nil)
	c := f.client2()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, got, err := f.fetch2(c, "GET", "/", nil); err != nil || len(got) != 1000000 {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
	for range 8 {
		<-begun
	}
	ended = end(f, t.Context())
	close(release)
	all.Wait()
	return f, ended
}

func TestStopLetsStreamsOfHTTP2Finish(t *testing.T) {
	_, stopped := eightStreamsOver(t, (*front).stopOf)
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("the stop: %v", err)
		}
	case <-time.After(longWait):
		t.Error("the stop does not end")
	}
}

func TestStopEndsIdleConnectionsOfHTTP2(t *testing.T) {
	f := newFront2(t, hello, nil)
	f.expect2(f.client2(), "GET", "/", nil, 200, "hello")
	select {
	case err := <-f.stopOf(t.Context()):
		if err != nil {
			t.Errorf("the stop: %v", err)
		}
	case <-time.After(longWait):
		t.Error("the stop does not end")
	}
}

// A process that goes on with an answer that was refused is waited for, and the client is not.
func TestRefusalDoesNotWaitForTheProcess(t *testing.T) {
	release := make(chan struct{})
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /x\r\nContent-Length: 5\r\n\r\n")
		<-release
		c.send("hello")
	}, func(_ *conf.Server, a *conf.App) { a.Concurrency = 1 })
	defer close(release)
	if res, _, err := f.fetch2(f.client2(), "GET", "/", nil); err != nil || res.StatusCode != 502 {
		t.Errorf("got %v, %v", res, err)
	}
}
