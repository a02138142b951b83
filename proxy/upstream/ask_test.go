package upstream

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"purser/proxy/wire"
)

func TestAnswerInEveryFraming(t *testing.T) {
	for _, c := range []struct {
		name, method, answer string
		content              string
		reusable             bool
	}{
		{"length", "GET", ok, "ok", true},
		{"no content", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", true},
		{"until the end", "GET", "HTTP/1.1 200 OK\r\n\r\nok", "ok", false},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false},
		{"the last of its link", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", true},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "", true},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", true},
		{"bytes behind it", "GET", ok + "?", "ok", false},
		{"bytes behind what has none", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "", false},
		{"large", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000), strings.Repeat("x", 1_000_000), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := run(t, func(l *appLink) {
				l.request()
				l.send("%s", c.answer)
				if c.reusable {
					l.request()
				}
			})
			r, _ := a.request(c.method, "")
			status := 0
			_, _ = fmt.Sscanf(c.answer[len("HTTP/1.x "):], "%d", &status)
			a.expect(r, status, c.content)
			if kept := a.idle() == 1; kept != c.reusable {
				t.Errorf("the link was kept: %v, want %v", kept, c.reusable)
			}
		})
	}
}

func TestAnswerThatComesByteByByte(t *testing.T) {
	const answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
	a := run(t, func(l *appLink) {
		l.request()
		for i := range answer {
			l.send("%s", answer[i:i+1])
		}
		l.request()
	})
	r, who := a.request("GET", "")
	var ask Ask
	if err := ask.Do(a.way, r); err != nil {
		t.Fatal(err)
	}
	if content, err := whole(&ask); content != "hello" || err != nil {
		t.Errorf("got %q, %v", content, err)
	}
	if after := ask.Trailers(); len(after) != 1 || string(after[0].Value) != "y" {
		t.Errorf("got the trailers %v", after)
	}
	ask.End()
	if fmt.Sprint(who.interim) != "[103]" || a.idle() != 1 {
		t.Errorf("interim answers %v, and %d idle links", who.interim, a.idle())
	}
}

// An app's 100 answers an expectation that we have met ourselves.
func TestContinueOfTheAppIsNotPassedOn(t *testing.T) {
	a := run(t, replying("HTTP/1.1 100 Continue\r\n\r\n"+ok))
	r, who := a.request("POST", "body")
	a.expect(r, 200, "ok")
	if len(who.interim) != 0 {
		t.Errorf("passed on: %v", who.interim)
	}
}

func TestRequestOfAnySizeArrives(t *testing.T) {
	for _, size := range []int{0, 1, 100_000, 3_000_000} { // in the head's write, beside the reading, from a file
		a := run(t, func(l *appLink) {
			for head, body := l.request(); head != ""; head, body = l.request() {
				l.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
		})
		body := strings.Repeat("0123456789", size/10+1)[:size]
		for range 2 {
			r, _ := a.request("PUT", body)
			a.expect(r, 200, body)
		}
		if opened := a.opened.Load(); opened != 1 && size < 2 { // a sender may take a moment to say that it has ended
			t.Errorf("%d bytes: %d links were opened, want 1", size, opened)
		}
	}
}

func TestRequestWithTrailersGoesInChunks(t *testing.T) {
	heads := make(chan string, 1)
	a := run(t, func(l *appLink) {
		head, body := l.request()
		heads <- head + body
		l.send(ok)
		l.request()
	})
	r, _ := a.request("PUT", "body")
	r.Trailers = []wire.Field{{Name: []byte("X-Sum"), Value: []byte("1")}}
	a.expect(r, 200, "ok")
	if got := <-heads; !strings.Contains(got, "Transfer-Encoding: chunked") || !strings.HasSuffix(got, "body") {
		t.Errorf("the app got %q", got)
	}
}

// An app may answer before it has read everything. What is not read by the time the answer has ended never
// will be: the link is not used again, and nobody waits for it.
func TestEarlyAnswerEndsTheSending(t *testing.T) {
	a := run(t, func(l *appLink) {
		_, _ = l.ReadString('\n')
		l.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, l.Conn)
	})
	r, _ := a.request("PUT", strings.Repeat("x", 8<<20))
	var ask Ask
	if err := ask.Do(a.way, r); err != nil {
		t.Fatal(err)
	}
	if content, err := whole(&ask); content != "no" || err != nil {
		t.Errorf("got %q, %v", content, err)
	}
	ask.End()
}

// Both sides may have much to say at once.
func TestAnswerIsReadWhileTheRequestIsSent(t *testing.T) {
	const size = 8 << 20 // more than the kernel holds for either side
	a := run(t, func(l *appLink) {
		head, _ := l.ReadString('\n')
		for line := head; line != "\r\n"; line, _ = l.ReadString('\n') {
		}
		l.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = io.CopyN(l.Conn, l.Reader, size)
		l.request()
	})
	body := strings.Repeat("0123456789abcdef", size/16)
	r, _ := a.request("PUT", body)
	a.expect(r, 200, body)
}

func TestUpgradeLeavesTheLink(t *testing.T) {
	a := run(t, func(l *appLink) {
		l.request()
		l.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst")
		_, _ = io.Copy(l.Conn, l.Reader)
	})
	r := a.get()
	r.WebSocketKey = []byte("dGhlIHNhbXBsZSBub25jZQ==")
	var ask Ask
	if err := ask.Do(a.way, r); err != nil || ask.Head().Status != 101 || string(ask.First()) != "first" {
		t.Fatalf("got %v", err)
	}
	ask.Release()
	if _, err := ask.Link().WriteSome([]byte("echo")); err != nil {
		t.Fatal(err)
	}
	if n, err := ask.Link().Read(&ask); err != nil || n != 4 {
		t.Errorf("got %d, %v", n, err)
	}
	ask.End()
	if a.idle() != 0 {
		t.Error("a tunnel was kept for the next request")
	}
}
