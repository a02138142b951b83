package proxy

//lint:file-ignore SA1019 net/http takes no request with a :protocol, and http2.Transport does

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"purser/conf"
)

// A webSocket2 is a WebSocket in a stream of HTTP/2 (RFC 8441), as its client has it.
type webSocket2 struct {
	t   testing.TB
	in  *bufio.Reader
	end io.Closer
	out *io.PipeWriter
}

func (f *front) webSocket2(c *http.Client) *webSocket2 {
	f.t.Helper()
	res, out, err := f.connect2(c, "13")
	if err != nil || res.StatusCode != 200 {
		f.t.Fatalf("got %v, %v, want 200", res, err)
	}
	w := &webSocket2{f.t, bufio.NewReader(res.Body), res.Body, out}
	f.t.Cleanup(func() { _ = out.Close(); _ = res.Body.Close() })
	return w
}

func (f *front) connect2(c *http.Client, version string) (*http.Response, *io.PipeWriter, error) {
	body, out := io.Pipe()
	req, err := http.NewRequestWithContext(f.t.Context(), "CONNECT", f.url("/ws"), body)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header[":protocol"] = []string{"websocket"}
	req.Header.Set("Sec-WebSocket-Version", version)
	res, err := c.Do(req)
	return res, out, err
}

// connecting2 is client2 for WebSockets.
func (f *front) connecting2() *http.Client {
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (w *webSocket2) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.out, text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *webSocket2) expectFrame(want string) {
	w.t.Helper()
	if got := readFrame(w.in); got != want {
		w.t.Fatalf("got %q, want %q", got, want)
	}
}

// upgradedFor is upgraded, for the key that is in a head.
func upgradedFor(head string) string {
	_, rest, _ := strings.Cut(head, "\r\nSec-WebSocket-Key: ")
	key, _, _ := strings.Cut(rest, "\r\n")
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return strings.Replace(upgraded, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", base64.StdEncoding.EncodeToString(sum[:]), 1)
}

// echoing is an app that upgrades and sends all back.
func echoing(heads chan<- string) script {
	return func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		if head == "" {
			return
		}
		if heads != nil {
			heads <- head
		}
		if !strings.Contains(head, "Upgrade: websocket\r\n") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
			return
		}
		c.send("%s", upgradedFor(head)+frameOf("first", false))
		_, _ = io.Copy(c.Conn, c.Reader)
	}
}

func TestWebSocketGoesThroughAStreamOfHTTP2(t *testing.T) {
	heads := make(chan string, 10)
	f := newFront2(t, echoing(heads), nil)
	c := f.connecting2()
	w := f.webSocket2(c)
	if head := <-heads; !strings.HasPrefix(head, "GET /ws HTTP/1.1\r\n") || !strings.Contains(head, "Connection: Upgrade\r\n") {
		t.Errorf("the app got %q", head)
	}
	w.expectFrame("1 first")
	large := strings.Repeat("0123456789abcdef", 1<<12) // more than any window
	for range 40 {
		w.send(large)
		got := make([]byte, len(large))
		if _, err := io.ReadFull(w.in, got); err != nil || string(got) != large {
			t.Fatalf("got %.20q, %v", got, err)
		}
	}
	f.expect2(c, "GET", "/", nil, 200, "hello")
	<-heads
	_ = w.out.Close() // the client's end is passed on, and so is the app's
	if b, err := io.ReadAll(w.in); err != nil || len(b) > 0 {
		t.Errorf("got %q, %v, want the end", b, err)
	}
	f.expect2(c, "GET", "/", nil, 200, "hello")
}

func TestManyWebSocketsShareAConnectionOfHTTP2(t *testing.T) {
	f := newFront2(t, echoing(nil), nil)
	c := f.connecting2()
	var all sync.WaitGroup
	for range 50 {
		w := f.webSocket2(c)
		all.Go(func() {
			w.expectFrame("1 first")
			for range 20 {
				w.send(frameOf("hello", false))
				w.expectFrame("1 hello")
			}
		})
	}
	all.Wait()
}

func TestRestartClosesAWebSocketInAStreamOfHTTP2(t *testing.T) {
	heard := make(chan string, 10)
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		c.send("%s", upgradedFor(head)+frameOf("first", false))
		heard <- readFrame(c.Reader)
		heard <- readFrame(c.Reader)
	}, speaking2(leavesWithin(0)))
	w := f.webSocket2(f.connecting2())
	w.expectFrame("1 first")
	f.restart("/new")
	w.expectFrame(closed1012)
	if got := <-heard; got != "masked "+closed1012 {
		t.Errorf("the app heard %q, want a masked Close", got)
	}
	w.send("\x88\x80mask")
	if b, err := io.ReadAll(w.in); err != nil || len(b) > 0 {
		t.Errorf("got %q, %v, want the end", b, err)
	}
	(<-asked).Kill()
}

func TestClientThatResetsAWebSocketEndsItForTheApp(t *testing.T) {
	ended := make(chan string, 1)
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		c.send("%s", upgradedFor(head)+frameOf("first", false))
		ended <- readFrame(c.Reader)
	}, nil)
	w := f.webSocket2(f.connecting2())
	w.expectFrame("1 first")
	_ = w.end.Close()
	if got := <-ended; got != "EOF" {
		t.Errorf("the app heard %q", got)
	}
}

// What would pass for an open WebSocket must not.
func TestAppThatKnowsNoWebSocketDoesNotOpenOneByItsAnswer(t *testing.T) {
	f := newFront2(t, hello, nil)
	c := f.connecting2()
	res, out, err := f.connect2(c, "13")
	if err != nil || res.StatusCode != 502 {
		t.Fatalf("got %v, %v, want 502", res, err)
	}
	_ = out.Close()
	_ = res.Body.Close()
	res, out, err = f.connect2(c, "12")
	if err != nil || res.StatusCode != 400 {
		t.Fatalf("got %v, %v, want 400", res, err)
	}
	_ = out.Close()
	_ = res.Body.Close()
}

func TestStopEndsWebSocketsInStreamsOfHTTP2(t *testing.T) {
	f := newFront2(t, echoing(nil), nil)
	w := f.webSocket2(f.connecting2())
	w.expectFrame("1 first")
	if err := <-f.stopOf(t.Context()); err != nil {
		t.Errorf("the stop: %v", err)
	}
	if b, _ := io.ReadAll(w.in); len(b) > 0 { // without a Close frame it has not ended in order
		t.Errorf("got %q, want the end", b)
	}
}

func TestQueuedRequestOfAStreamThatIsResetLeavesTheQueue(t *testing.T) {
	begun, release := make(chan string, 10), make(chan struct{})
	f := newFront2(t, heldBack(begun, release, func(c *appConn) {
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	}), func(_ *conf.Server, a *conf.App) { a.Concurrency = 1 })
	conn := dialBench(t, f.addr)
	fr := http2.NewFramer(conn, conn)
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = fr.WriteSettings()
	get := "\x82\x86\x84\x41\x01a" // GET http / a, of the static table
	ask := func(id uint32) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(get), EndHeaders: true, EndStream: true})
	}
	ask(1)
	<-begun // the process is that of the first: which of several that come at once is served first is not said
	ask(3)
	ask(5)
	f.await("two wait", func() bool { return f.group.Snapshot().Queue == 2 })
	_ = fr.WriteRSTStream(3, http2.ErrCodeCancel)
	f.await("one waits", func() bool { return f.group.Snapshot().Queue == 1 })
	close(release)
	for {
		got, err := fr.ReadFrame()
		if err != nil {
			t.Fatal(errors.Join(errors.New("the answer to the last one did not come"), err))
		}
		if got.Header().StreamID == 5 && got.Header().Type == http2.FrameData {
			return
		}
	}
}
