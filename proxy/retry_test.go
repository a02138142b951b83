package proxy

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"purser/conf"
	"purser/pool"
)

// dyingFirst is an app that cuts its first connections without an answer, n of them, after it read a
// request, and then behaves.
func dyingFirst(n int32, seen *atomic.Int32) script {
	return func(t testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			if seen.Add(1) <= n {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

func TestUnansweredGetIsRetriedOnce(t *testing.T) {
	var seen atomic.Int32
	f := newFront(t, dyingFirst(1, &seen), nil)
	f.dial().send(get).expect(200, "ok")

	seen.Store(0)
	f2 := newFront(t, dyingFirst(2, &seen), nil)
	c := f2.dial()
	c.send(get)
	if res, _ := c.answer("GET"); res.StatusCode != 502 || res.Header.Get("Purser-Error") != "process_exited" {
		t.Errorf("got %d %s, want 502 in the end", res.StatusCode, res.Header.Get("Purser-Error"))
	}
	if n := seen.Load(); n != 2 {
		t.Errorf("the app saw %d requests, want 2", n)
	}
	c.send(get).expect(200, "ok") // the client's connection is none the worse
}

func TestUnansweredGetIsRetriedWithAnotherGeneration(t *testing.T) {
	f := &front{t: t, log: &syncBuffer{}}
	halfway, goOn := make(chan struct{}), make(chan struct{})
	f.spawn = func(o pool.Order) error {
		if o.Process == 6 { // two of the new code serve beside one of the old
			close(halfway)
			<-goOn
		}
		return nil
	}
	f.start(func(_ testing.TB, c *appConn) {
		for head, _ := c.request(); head != "" && c.generation == 1; head, _ = c.request() {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
		}
	}, func(_ *conf.Server, a *conf.App) { a.MinProcesses, a.MaxProcesses, a.Concurrency = 3, 3, 8 })
	t.Cleanup(func() { close(goOn) })
	f.await("three processes", func() bool {
		return !slices.ContainsFunc(f.group.Snapshot().Processes, func(p pool.ProcessSnapshot) bool { return p.State != "ready" })
	})
	f.restart("r2")
	<-halfway
	f.dial().send(get).expect(200, "old")
}

func TestUnansweredPostIsNeverSentTwice(t *testing.T) {
	var seen atomic.Int32
	f := newFront(t, dyingFirst(1, &seen), nil)
	c := f.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
	if res, _ := c.answer("POST"); res.StatusCode != 502 {
		t.Errorf("got %d, want 502", res.StatusCode)
	}
	if n := seen.Load(); n != 1 {
		t.Errorf("the app saw %d requests, want 1", n)
	}
}

func TestBodyIsSentAgainWithARetry(t *testing.T) {
	var seen atomic.Int32
	body := strings.Repeat("x", 300_000)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		_, got := c.request()
		if seen.Add(1) == 1 {
			return
		}
		if got == body {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}, nil)
	c := f.dial()
	c.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body).expect(200, "ok")
}

func TestClosedIdleLinkIsNoticed(t *testing.T) {
	closed := make(chan struct{}, 10)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = c.Close()
		closed <- struct{}{}
	}, nil)
	c := f.dial()
	for range 5 {
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").expect(200, "ok")
		<-closed
	}
}

func TestBytesOnAnIdleLinkPoisonNobody(t *testing.T) {
	spoken := make(chan struct{}, 10)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		spoken <- struct{}{}
		c.request()
	}, nil)
	c := f.dial()
	for range 5 {
		c.send(get).expect(200, "ok")
		<-spoken
	}
}

func TestWhatIsNoAnswerIs502(t *testing.T) {
	for _, c := range []struct{ name, answer, reason string }{
		{"garbage", "SSH-2.0-OpenSSH\r\n", "bad_response"},
		{"short head", "HTTP/1.1 200 OK\r\nContent-Le", "process_exited"},
		{"length contradicts itself", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "bad_response"},
		{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "bad_response"},
		{"unasked switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "bad_response"},
		{"no end of interim answers", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), "bad_response"},
		{"endless head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200<<10), "bad_response"},
		{"control character", "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n", "bad_response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, func(_ testing.TB, a *appConn) {
				a.request()
				a.send("%s", c.answer)
			}, nil)
			conn := f.dial()
			conn.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
			res, _ := conn.answer("POST")
			for res.StatusCode == 103 {
				res, _ = conn.answer("POST")
			}
			if res.StatusCode != 502 || res.Header.Get("Purser-Error") != c.reason {
				t.Errorf("got %d %s, want 502 %s", res.StatusCode, res.Header.Get("Purser-Error"), c.reason)
			}
		})
	}
}

func TestShortAnswerNeverEndsCleanly(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
	} {
		f := newFront(t, func(_ testing.TB, c *appConn) {
			c.request()
			c.send("%s", answer)
		}, nil)
		c := f.dial()
		c.send(get)
		res, err := http.ReadResponse(c.Reader, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("got %v, %v", res, err)
		}
		buf := make([]byte, 100)
		n, err := readAll(res, buf)
		if err == nil || n > 5 {
			t.Errorf("%q: got %d bytes and no error", answer, n)
		}
	}
}

func readAll(res *http.Response, buf []byte) (n int, err error) {
	for {
		m, err := res.Body.Read(buf[n:])
		n += m
		if err != nil {
			if err.Error() == "EOF" {
				return n, nil
			}
			return n, err
		}
	}
}

func TestWebSocketIsTunnelled(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		if !strings.Contains(head, "Upgrade: websocket\r\n") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
			return
		}
		c.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nearly ")
		for {
			line, err := c.ReadString('\n')
			if err != nil {
				return
			}
			c.send("you said %s", line)
		}
	}, func(_ *conf.Server, a *conf.App) { a.Concurrency = conf.Unlimited })
	c := f.dial()
	c.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nheld\n")
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v, want 101", res, err)
	}
	for _, want := range []string{"early you said held\n", "you said more\n"} {
		if got, err := c.ReadString('\n'); err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if want[0] == 'e' {
			c.send("more\n")
		}
	}
	if p := f.group.Snapshot().Processes[0]; p.Connections != 1 || p.Requests != 0 {
		t.Errorf("counted as %d connections and %d requests, want 1 and 0", p.Connections, p.Requests)
	}
	other := f.dial()
	other.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").expect(200, "plain")
}
