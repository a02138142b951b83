package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// streaming has bodies sent on while they come.
func streaming(_ *conf.Server, a *conf.App) { a.BufferRequest = false }

// readHead reads the head of a request, and no more.
func (c *appConn) readHead() (head string) {
	for line := ""; line != "\r\n"; head += line {
		var err error
		if line, err = c.ReadString('\n'); err != nil {
			return ""
		}
	}
	return head
}

// next reads so many bytes.
func (c *appConn) next(n int) string {
	b := make([]byte, n)
	n, _ = io.ReadFull(c.Reader, b)
	return string(b[:n])
}

// chunksBack is an app that sends back each chunk as soon as it has it.
func chunksBack(_ testing.TB, c *appConn) {
	for c.readHead() != "" {
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for {
			line, err := c.ReadString('\n')
			if err != nil {
				return
			}
			var n int
			_, _ = fmt.Sscanf(line, "%x", &n)
			c.send("%s%s", line, c.next(n+2))
			if n == 0 {
				break
			}
		}
	}
}

func TestABodyReachesTheAppWhileItComes(t *testing.T) {
	f := newFront(t, chunksBack, streaming)
	c := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
	c.awaits("first")
	c.send("6\r\nsecond\r\n").awaits("second")
	if res := c.send("0\r\n\r\n").expect(200, "firstsecond"); !res.Close {
		t.Error("the connection goes on, though its answer had begun when the rest of the request was not here")
	}
}

// What is whole before its answer begins leaves the connection as it was.
func TestAConnectionGoesOnAfterABodyThatWasSentOnWhole(t *testing.T) {
	heads := make(chan string, 2)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			head, body := c.request()
			if head == "" {
				return
			}
			heads <- head
			c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}, streaming)
	c := f.dial()
	large := strings.Repeat("x", 1<<20)
	for _, body := range []string{"abc", large} {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if res := c.expect(200, body); res.Close {
			t.Error("the connection is closed after a body that was whole")
		}
		if head := <-heads; !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(body))) {
			t.Errorf("the app is sent %q", head)
		}
	}
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "abc")
	if head := <-heads; !strings.Contains(head, "Transfer-Encoding: chunked\r\n") || strings.Contains(head, "Content-Length") {
		t.Errorf("the app is sent %q", head)
	}
	c.expect(200, "") // the request that came behind it
}

// RFC 9112 section 9.3: a server may answer before it has all of a request.
func TestAnEarlyAnswerEndsTheUpload(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.readHead()
		c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, c)
	}, streaming)
	c := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nsome")
	res, body := c.answer("POST")
	if res.StatusCode != 403 || body != "no" || !res.Close {
		t.Errorf("got %d %q, close: %v", res.StatusCode, body, res.Close)
	}
}

// The app must not take a part of a body for all of it.
func TestABodyThatEndsEarlyIsCutForTheApp(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		leaves  bool
		status  int
	}{
		"a client that leaves":            {"Content-Length: 10\r\n\r\nsome", true, 0},
		"a client that leaves, chunked":   {"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n", true, 0},
		"malformed":                       {"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nx\r\n", false, 400},
		"more than max_body":              {"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n64\r\n" + strings.Repeat("x", 100) + "\r\n", false, 413},
		"more than max_body, and says so": {"Content-Length: 101\r\n\r\n", false, 413},
	} {
		t.Run(name, func(t *testing.T) {
			saw := make(chan string, 1)
			f := newFront(t, func(_ testing.TB, c *appConn) {
				c.readHead()
				rest, _ := io.ReadAll(c)
				saw <- string(rest)
			}, func(s *conf.Server, a *conf.App) { streaming(s, a); a.MaxBody, a.Concurrency = 100, 1 })
			v := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\n%s", c.request)
			if c.leaves {
				f.await("the process is asked", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
				_ = v.Close()
			} else if res, _ := v.answer("POST"); res.StatusCode != c.status {
				t.Errorf("got %d, want %d", res.StatusCode, c.status)
			}
			if name != "more than max_body, and says so" {
				if rest := <-saw; !strings.Contains(rest, "some") || strings.HasSuffix(rest, "0\r\n\r\n") {
					t.Errorf("the app has %q", rest)
				}
			}
			f.await("the process is free", func() bool { p := f.group.Snapshot().Processes; return len(p) == 1 && p[0].Requests == 0 })
		})
	}
}

// Who has a part of a body has all that there is of it.
func TestWhatWasSentOnInPartIsNotSentAgain(t *testing.T) {
	asked := make(chan int, 10)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.readHead()
		asked <- c.process
		c.next(4)
	}, func(s *conf.Server, a *conf.App) { streaming(s, a); a.MinProcesses, a.MaxProcesses = 2, 2 })
	c := f.dial().send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nsome")
	if res, _ := c.answer("PUT"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("got %d, want 502", res.StatusCode)
	}
	if len(asked) != 1 {
		t.Errorf("%d processes were asked", len(asked))
	}
}

// RFC 9110 section 10.1.1: what is refused for all that is known is not asked for.
func TestABodyIsAskedForOnceAProcessIsThere(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		_, body := c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}, streaming)
	c := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	if res, err := http.ReadResponse(c.Reader, nil); err != nil || res.StatusCode != 100 {
		t.Fatalf("got %v, %v, want 100", res, err)
	}
	c.send("abc").expect(200, "abc")
}

// A client that stops in the midst of its upload is the app's only as far as it is one that waits.
func TestTheAppsTimeBeginsWhenItHasAll(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if _, body := c.request(); body == "abc" {
			_, _ = io.Copy(io.Discard, c)
		}
	}, func(s *conf.Server, a *conf.App) { streaming(s, a); a.RequestTimeout = time.Minute })
	c := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
	f.await("the process is asked", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	f.hour()
	c.send("bc")
	f.await("the request times out", func() bool { f.hour(); return f.group.Snapshot().Processes[0].Requests == 0 })
	if res, _ := c.answer("POST"); res.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("got %d, want 504", res.StatusCode)
	}
}

// An app that gives more than its client takes waits, and nothing lies in files meanwhile.
func TestAnAnswerThatIsNotBufferedIsGivenAtTheClientsSpeed(t *testing.T) {
	const size = 64 << 20
	for name, c := range map[string]struct {
		path, field string
		waits       bool
	}{
		"as usual":               {"/", "", false},
		"of a path":              {"/down/x", "", true},
		"as the app says":        {"/", "X-Accel-Buffering: no\r\n", true},
		"as the app says, too":   {"/down", "X-Accel-Buffering: yes\r\n", false},
		"of a path that is like": {"/downs", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			given := make(chan struct{})
			f := newFront(t, func(_ testing.TB, a *appConn) {
				a.readHead()
				a.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n", size, c.field)
				_, _ = io.Copy(a.Conn, zeros(size))
				close(given)
			}, func(_ *conf.Server, a *conf.App) {
				a.Buffering = []conf.Buffering{{Path: "/down", Request: true}}
			})
			v := f.dialSlowly(4096).send("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", c.path)
			res, err := http.ReadResponse(v.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.Header.Get("X-Accel-Buffering") != "" {
				t.Error("the client is told what is for us")
			}
			if !c.waits {
				<-given
			}
			if held, _ := f.server.spool.Use(); c.waits && held > 0 {
				t.Errorf("%d bytes lie in files", held)
			}
			select {
			case <-given:
				if c.waits {
					t.Error("the app has given all of it, though the client has taken none")
				}
			default:
			}
			if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
				t.Errorf("the client has %d bytes, %v", n, err)
			}
			<-given
		})
	}
}

func TestABodyReachesTheAppWhileItComesOverHTTP2(t *testing.T) {
	f := newFront2(t, chunksBack, streaming)
	body, pipe := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", f.url("/"), body)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(pipe, "first\n") }()
	res, err := f.client2().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i, want := range []string{"first\n", strings.Repeat("x", 3<<20) + "\n", "last\n"} {
		if got, err := lines.ReadString('\n'); got != want {
			t.Fatalf("line %d has %d bytes, %v; want %d", i, len(got), err, len(want))
		}
		switch i {
		case 0:
			go func() { _, _ = io.WriteString(pipe, strings.Repeat("x", 3<<20)+"\n") }()
		case 1:
			go func() { _, _ = io.WriteString(pipe, "last\n"); _ = pipe.Close() }()
		}
	}
	if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestAnEarlyAnswerEndsTheUploadOverHTTP2(t *testing.T) {
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		c.readHead()
		c.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, c)
	}, streaming)
	client := f.client2()
	for range 3 { // more than a connection's window, if it were not given back
		f.expect2(client, "POST", "/", zeros(1<<30), 403, "no")
	}
}
