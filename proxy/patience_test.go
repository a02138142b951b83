package proxy

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// one is an app of one process that takes one request at a time.
func one(_ *conf.Server, a *conf.App) { a.Concurrency = 1 }

func TestSlowReaderDoesNotHoldTheProcess(t *testing.T) {
	const size = 20 << 20 // more than the kernel's buffers and the pipe's memory hold
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			switch {
			case head == "":
				return
			case strings.HasPrefix(head, "GET /big"):
				c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
			default:
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	}, one)
	slow := f.dialSlowly(64 << 10)
	slow.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := slow.Peek(1); err != nil { // the answer has begun; nothing more is read for now
		t.Fatal(err)
	}
	quick := f.dial()
	quick.send(get).expect(200, "ok")
	res, body := slow.answer("GET")
	if res.StatusCode != 200 || body != strings.Repeat("x", size) {
		t.Errorf("the slow reader got %d bytes, want %d", len(body), size)
	}
	slow.send(get).expect(200, "ok")
}

func TestSlowSenderDoesNotHoldTheProcess(t *testing.T) {
	f := newFront(t, hello, one)
	slow := f.dial()
	slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
	for range 10 {
		f.dial().send(get).expect(200, "hello")
	}
	slow.send("bc").expect(200, "hello")
}

func TestFullDiskMakesTheProcessWaitAndLosesNothing(t *testing.T) {
	const size = 20 << 20
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n"+strings.Repeat("x", size)), nil)
	t.Setenv("TMPDIR", "/proc/nowhere")
	c := f.dialSlowly(64 << 10)
	c.send(get)
	if _, err := c.Peek(1); err != nil {
		t.Fatal(err)
	}
	if _, body := c.answer("GET"); len(body) != size {
		t.Errorf("got %d bytes, want %d", len(body), size)
	}
	upload := f.dial()
	upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n%s", strings.Repeat("x", 100_000))
	res, _ := upload.answer("POST")
	if res.StatusCode != 503 || res.Header.Get("Purser-Error") != "spool_failed" {
		t.Errorf("got %d %s, want 503 spool_failed", res.StatusCode, res.Header.Get("Purser-Error"))
	}
}

func TestClientThatLeavesTheQueueIsForgotten(t *testing.T) {
	begun, release := make(chan string, 10), make(chan struct{})
	f := newFront(t, func(t testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			begun <- strings.Fields(head)[1]
			select {
			case <-release:
			case <-t.Context().Done():
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}, one)
	first := f.dial()
	first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := <-begun; got != "/first" {
		t.Fatal(got)
	}
	leaves, stays := f.dial(), f.dial()
	leaves.send("GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n")
	f.awaitQueue(1)
	stays.send("GET /stays HTTP/1.1\r\nHost: a\r\n\r\n")
	f.awaitQueue(2)
	_ = leaves.Close()
	f.awaitQueue(1)
	close(release)
	first.expect(200, "ok")
	stays.expect(200, "ok")
	if got := <-begun; got != "/stays" {
		t.Errorf("the app was given %s, want /stays", got)
	}
}

// awaitQueue waits until n requests are queued.
func (f *front) awaitQueue(n int) {
	f.t.Helper()
	for end := time.Now().Add(longWait); f.group.Snapshot().Queue != n; {
		if time.Now().After(end) {
			f.t.Fatalf("%d requests are queued, want %d", f.group.Snapshot().Queue, n)
		}
	}
}

func TestClientThatLeavesAStreamEndsIt(t *testing.T) {
	ended := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
		close(ended)
	}, nil)
	c := f.dial()
	c.send(get)
	if _, err := http.ReadResponse(c.Reader, nil); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-ended: // though the app never wrote again
	case <-time.After(longWait):
		t.Error("the stream goes on")
	}
}

func TestAppThatDoesNotAnswerInTimeIs504(t *testing.T) {
	f := newFront(t, func(t testing.TB, c *appConn) {
		c.request()
		_, _ = io.Copy(io.Discard, c.Conn)
	}, func(_ *conf.Server, a *conf.App) { a.RequestTimeout = 10 * time.Millisecond })
	c := f.dial()
	c.send(get)
	if res, _ := c.answer("GET"); res.StatusCode != 504 || res.Header.Get("Purser-Error") != "app_timeout" {
		t.Errorf("got %d %s, want 504 app_timeout", res.StatusCode, res.Header.Get("Purser-Error"))
	}
}

func TestDeadlinesEndAConnection(t *testing.T) {
	f := newFront(t, hello, nil)
	idleClient, headClient := f.dial(), f.dial()
	idleClient.send(get).expect(200, "hello")
	headClient.send("GET / HT")
	f.await("both wait", func() bool {
		deadlines := f.server.sweeper.Deadlines()
		slices.Sort(deadlines)
		return len(deadlines) == 2 && deadlines[0] <= f.server.clock.In(15*time.Second) && deadlines[1] > f.server.clock.In(50*time.Second)
	})
	f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
	idleClient.expectEnd()
	if res, _ := headClient.answer("GET"); res.StatusCode != 408 {
		t.Errorf("got %d, want 408", res.StatusCode)
	}
	headClient.expectEnd()
}

func (f *front) await(what string, cond func() bool) {
	f.t.Helper()
	for end := time.Now().Add(longWait); !cond(); {
		if time.Now().After(end) {
			f.t.Fatalf("not in time: %s", what)
		}
		time.Sleep(100 * time.Microsecond) // a pace, not a wait: who spins keeps the others from what is waited for
	}
}

func TestShutdownFinishesRequestsAndClosesIdleConnections(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if head, _ := c.request(); strings.HasPrefix(head, "GET /idle") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		}
		close(begun)
		<-release
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}, nil)
	idleClient, busy := f.dial(), f.dial()
	idleClient.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "ok")
	busy.send(get)
	<-begun
	stopped := make(chan error)
	go func() { stopped <- f.server.Shutdown(t.Context()) }()
	idleClient.expectEnd()
	if _, err := net.Dial("tcp", f.addr); err == nil {
		t.Error("still accepting")
	}
	close(release)
	if res := busy.expect(200, "ok"); !res.Close {
		t.Error("the last answer does not say that the connection closes")
	}
	busy.expectEnd()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
