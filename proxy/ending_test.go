package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
)

// busy is an app that takes one request at a time, and of whose queue is said how long it may be.
func busy(queue int) change {
	return func(_ *conf.Server, a *conf.App) { a.Concurrency, a.MaxQueue = 1, queue }
}

// mute reads a request and says nothing until its connection ends.
func mute(_ testing.TB, c *appConn) {
	c.request()
	_, _ = c.ReadByte()
}

// leaving sends a part of a request, or all of one, and leaves.
func leaving(format string, args ...any) stranger {
	return func(f *front) {
		c := f.dial()
		c.send(format, args...)
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		_, _ = c.ReadByte() // the front closes it, too
	}
}

func TestAccessLogSaysWhoEndedARequestInWhichPhase(t *testing.T) {
	for name, c := range map[string]struct {
		app    script
		change change
		client stranger
		want   string // status, phase and who ended it
	}{
		"answered":                  {hello, nil, says(get), "200 done app"},
		"answered by purser itself": {hello, nil, says("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "204 done purser"},
		"no request":                {hello, nil, says("BAD\r\n\r\n"), "400 head purser"},
		"no app":                    {hello, func(_ *conf.Server, a *conf.App) { a.Hosts = []string{"b.example"} }, says(get), "404 head purser"},
		"left inside its head":      {hello, nil, leaving("GET / HTTP/1.1\r\nHost:"), "499 head client"},
		"left inside its body":      {hello, nil, leaving("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"), "499 body client"},
		"too large":                 {hello, func(_ *conf.Server, a *conf.App) { a.MaxBody = 2 }, says("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), "413 body purser"},
		"malformed body":            {hello, nil, says("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "400 body purser"},
		"left before its answer":    {mute, nil, leaving(get), "499 answer client"},
		"no answer":                 {func(_ testing.TB, c *appConn) { c.request() }, nil, says("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "502 answer app"},
		"no HTTP":                   {answering("hello"), nil, says(get), "502 answer purser"},
		"no answer in time":         {mute, func(_ *conf.Server, a *conf.App) { a.RequestTimeout = 50 * time.Millisecond }, says(get), "504 answer purser"},
		"ended inside its answer": {begun("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), nil, func(f *front) {
			f.dial().send(get).expectCut("hel")
		}, "200 send app"},
		"left inside its answer": {func(_ testing.TB, c *appConn) {
			c.request()
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
			_, _ = c.ReadByte()
		}, nil, func(f *front) {
			c := f.dial().send(get)
			c.awaits("hel")
			_ = c.Close()
		}, "200 send client"},
	} {
		t.Run(name, func(t *testing.T) {
			f, log := newLogged(t, "{status} {phase} {ended_by}", c.app, c.change)
			c.client(f)
			if line := log.next(); line != c.want {
				t.Errorf("%q, want %q", line, c.want)
			}
		})
	}
}

func TestAccessLogSaysThatAQueueWasFull(t *testing.T) {
	end := make(chan struct{})
	f, log := newLogged(t, "{status} {phase} {ended_by} {error}", func(_ testing.TB, c *appConn) {
		c.request()
		<-end
	}, busy(1))
	t.Cleanup(func() { close(end) })
	f.dial().send(get)
	second := f.dial()
	f.await("the process is busy", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	second.send(get)
	f.awaitQueue(1)
	f.dial().send(get).expectFailure("GET", 503, "queue_full")
	if line := log.next(); line != "503 queue purser queue_full" {
		t.Errorf("the third: %q", line)
	}
	_ = second.Close()
	if line := log.next(); line != "499 queue client client_gone" {
		t.Errorf("the second: %q", line)
	}
}

func TestEveryFailureHasAnEndingThatFitsIt(t *testing.T) {
	x := &exchange{site: &site{}}
	for err, want := range map[error]string{
		&pool.StartError{}:     "queue app",
		&spool.Error{}:         "body purser",
		notKept(spool.ErrFull): "send purser",
		errNoApp:               "head purser",
		pool.ErrQueueTimeout:   "queue purser",
		pool.ErrPaused:         "queue purser",
		pool.ErrStopped:        "queue purser", // it was not stopped when the request came
		client.ErrStopping:     "queue purser",
		upstream.ErrRefused:    "connect app",
		upstream.ErrNoLink:     "connect purser",
		upstream.ErrUnread:     "answer app",
		upstream.ErrShortHead:  "answer app",
		upstream.ErrGone:       "answer client",
		errors.New("whatever"): "head purser",
	} {
		e := x.endingBy(fmt.Errorf("here: %w", err))
		if got := fmt.Sprint(e.in, " ", e.by); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestAccessLogCountsRetries(t *testing.T) {
	var seen atomic.Int32
	f, log := newLogged(t, "json", dyingFirst(1, &seen), nil)
	f.dial().send(get).expect(200, "ok")
	if line := log.line(); line["retries"] != 1.0 {
		t.Errorf("%v", line)
	}
	f.dial().send(get).expect(200, "ok")
	if line := log.line(); strings.Contains(fmt.Sprint(line), "retries") {
		t.Errorf("%v has retries", line)
	}
}

func TestAccessLogSaysWhoEndedAWebSocket(t *testing.T) {
	const closeFrame, maskedClose = "\x88\x00", "\x88\x80mask"
	for name, c := range map[string]struct {
		app    func(c *appConn) // after the upgrade
		client func(f *front, c *visitor)
		want   string
	}{
		"the client says Close": {func(c *appConn) { readFrame(c.Reader); c.send(closeFrame) }, func(_ *front, c *visitor) {
			c.send(maskedClose)
			_, _ = io.ReadAll(c)
		}, "101 done client"},
		"the app says Close": {func(c *appConn) { c.send(closeFrame); readFrame(c.Reader) }, func(_ *front, c *visitor) {
			c.awaits(closeFrame)
			c.send(maskedClose)
			_, _ = io.ReadAll(c)
		}, "101 done app"},
		"the client leaves": {func(c *appConn) { readFrame(c.Reader) }, func(_ *front, c *visitor) { _ = c.Close() }, "101 done client"},
		"the app ends":      {func(*appConn) {}, func(_ *front, c *visitor) { c.expectEnd() }, "101 done app"},
		"its process is replaced": {func(c *appConn) { readFrame(c.Reader) }, func(f *front, c *visitor) {
			f.restart("/new")
			_, _ = io.ReadAll(c)
		}, "101 done purser"},
	} {
		t.Run(name, func(t *testing.T) {
			f, log := newLogged(t, "{status} {phase} {ended_by}", func(_ testing.TB, a *appConn) {
				if head, _ := a.request(); head != "" {
					a.send(upgraded)
					c.app(a)
				}
			}, leavesWithin(0))
			socket := f.webSocket()
			c.client(f, socket)
			_ = socket.Close()
			if line := log.next(); line != c.want {
				t.Errorf("%q, want %q", line, c.want)
			}
		})
	}
}
