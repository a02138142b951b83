package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"purser/conf"
)

func TestAnswersAreRelayedInEveryFraming(t *testing.T) {
	big := strings.Repeat("0123456789", 50_000)
	for _, c := range []struct{ name, answer, want string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"},
		{"large length", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big), big},
		{"large chunk", fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(big), big), big},
		{"reason missing", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, answering(c.answer), nil)
			conn := f.dial()
			for range 3 { // the same connections, both sides
				conn.send(get).expect(200, c.want)
			}
		})
	}
}

func TestAnswerUntilCloseIsChunkedForTheClient(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.0 200 OK\r\n\r\nhello")
	}, nil)
	c := f.dial()
	for range 2 {
		res := c.send(get).expect(200, "hello")
		if len(res.TransferEncoding) != 1 {
			t.Errorf("transfer coding %v, want chunked", res.TransferEncoding)
		}
	}
	old := f.dial()
	old.send("GET / HTTP/1.0\r\n\r\n").expect(200, "hello")
	old.expectEnd()
}

func TestBodilessAnswersKeepTheConnection(t *testing.T) {
	for _, c := range []struct{ name, method, answer, length string }{
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ""},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, answering(c.answer), nil)
			conn := f.dial()
			for range 2 {
				conn.send("%s / HTTP/1.1\r\nHost: a\r\n\r\n", c.method)
				if res, _ := conn.answer(c.method); res.Header.Get("Content-Length") != c.length {
					t.Errorf("Content-Length %q, want %q", res.Header.Get("Content-Length"), c.length)
				}
			}
		})
	}
}

func TestRequestBodiesArriveWholeWhateverTheirSize(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			head, body := c.request()
			if head == "" {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}, nil)
	for _, size := range []int{0, 1, 4000, 64 << 10, 64<<10 + 1, 3 << 20} {
		body := strings.Repeat("x", size)
		c := f.dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, body).expect(200, body)
		c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		for rest := body; len(rest) > 0; rest = rest[min(len(rest), 1000):] {
			c.send("%x\r\n%s\r\n", min(len(rest), 1000), rest[:min(len(rest), 1000)])
		}
		c.send("0\r\n\r\n").expect(200, body)
		c.send(get).expect(200, "")
	}
}

func TestTrailersGoBothWaysIfTheAppWantsThem(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		req, err := http.ReadRequest(c.Reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: %s\r\nContent-Length: 9\r\n\r\n", req.Trailer.Get("X-Sum"))
	}, func(_ *conf.Server, a *conf.App) { a.PassTrailers = true })
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\nHost: evil\r\n\r\n")
	res, _ := c.answer("POST")
	if res.Trailer.Get("X-Sum") != "42" || len(res.Trailer) != 1 {
		t.Errorf("trailers %v, want X-Sum: 42 alone", res.Trailer)
	}
}

// A body with a trailer section that nobody asked for has a length like any other: apps that know no
// chunked bodies would see none.
func TestBodyWithTrailersHasALength(t *testing.T) {
	var seen string
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, body := c.request()
		seen = head + body
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, nil)
	f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n").expect(200, "ok")
	if !strings.Contains(seen, "Content-Length: 3\r\n") || !strings.HasSuffix(seen, "\r\n\r\nabc") || strings.Contains(seen, "X-Sum") {
		t.Errorf("the app was sent %q", seen)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			path := strings.Fields(head)[1]
			c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
		}
	}, nil)
	c := f.dial()
	var all strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
	}
	go c.send("%s", all.String())
	for i := range 1000 {
		c.expect(200, fmt.Sprintf("/%d", i))
	}
}

func TestEarlyAnswerIsPassedOnBeforeTheAppReadTheBody(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = c.ReadString('\n'); err != nil {
				return
			}
		}
		c.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, 1)) // leaves the rest unread
		<-t.Context().Done()
	}, nil)
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", 8<<20, strings.Repeat("x", 8<<20)).expect(413, "no")
}

func TestInterimAnswersArePassedOn(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), nil)
	c := f.dial()
	for range 2 {
		c.send(get)
		hint, err := http.ReadResponse(c.Reader, nil)
		if err != nil || hint.StatusCode != 103 || hint.Header.Get("Link") != "</a.css>" || len(hint.Header) != 1 {
			t.Fatalf("got %v, %v, want 103 with its Link", hint, err)
		}
		c.expect(200, "ok")
	}
	old := f.dial()
	old.send("GET / HTTP/1.0\r\n\r\n").expect(200, "ok")
}

func TestContinueIsSentOnlyWhenTheBodyIsWanted(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		_, body := c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}, func(_ *conf.Server, a *conf.App) { a.MaxBody = 10 })
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if res, _ := http.ReadResponse(c.Reader, nil); res == nil || res.StatusCode != 100 {
		t.Fatalf("got %v, want 100", res)
	}
	c.send("ab").expect(200, "ab")
	refused := f.dial()
	refused.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
	if res, _ := refused.answer("POST"); res.StatusCode != 413 || res.Header.Get("Purser-Error") != "body_too_large" {
		t.Errorf("got %v, want 413 at once", res)
	}
	refused.expectEnd()
}

func TestStreamIsPassedOnAtOnce(t *testing.T) {
	next := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
		for i := range 3 {
			c.send("data: %d\n\n", i)
			<-next
		}
	}, nil)
	c := f.dial()
	c.send(get)
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for i := range 3 {
		n, err := io.ReadAtLeast(res.Body, buf, len("data: 0\n\n"))
		if want := fmt.Sprintf("data: %d\n\n", i); err != nil || string(buf[:n]) != want {
			t.Fatalf("got %q and %v, want %q before the next is sent", buf[:n], err, want)
		}
		next <- struct{}{}
	}
	if _, err := res.Body.Read(buf); err != io.EOF {
		t.Errorf("the stream's end: %v", err)
	}
}

// RFC 9110 section 7.6.2: who sends an OPTIONS on takes one off.
func TestMaxForwardsOfOptionsIsCountedDown(t *testing.T) {
	for sent, want := range map[string]string{"3": "2", "1": "0", "010": "9", "x": "x", "99999999999999999999": "99999999999999999999"} {
		var seen string
		f := newFront(t, func(_ testing.TB, c *appConn) {
			seen, _ = c.request()
			c.send("HTTP/1.1 204 No Content\r\n\r\n")
		}, nil)
		f.dial().send("OPTIONS /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: %s\r\n\r\n", sent).expect(204, "")
		if !strings.Contains(seen, "\r\nMax-Forwards: "+want+"\r\n") {
			t.Errorf("%s became %q", sent, seen)
		}
	}
	var seen string
	f := newFront(t, func(_ testing.TB, c *appConn) {
		seen, _ = c.request()
		c.send("HTTP/1.1 204 No Content\r\n\r\n")
	}, nil)
	f.dial().send("GET /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n").expect(204, "")
	if !strings.Contains(seen, "\r\nMax-Forwards: 3\r\n") {
		t.Errorf("a GET became %q", seen)
	}
}
