package proxy

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// taking is an app whose processes take so many requests at once, and may stall for a day.
func taking(concurrency int) change {
	return func(_ *conf.Server, a *conf.App) { a.Concurrency, a.AnswerStall = concurrency, 24*time.Hour }
}

// stall lets that pass once more of an answer is waited for.
func (f *front) stall() {
	f.t.Helper()
	f.awaitLimit()
	f.server.sweeper.Sweep(f.server.clock.In(25 * time.Hour))
}

// awaitLimit waits until something has a limit of many hours, which is none of a client's.
func (f *front) awaitLimit() {
	f.t.Helper()
	f.await("a limit of many hours", func() bool {
		deadlines := f.server.sweeper.Deadlines()
		return len(deadlines) > 0 && slices.Max(deadlines) > f.server.clock.In(12*time.Hour)
	})
}

// stalling is an app whose first process stops after the beginning of an answer; the others greet. A
// second request is greeted, too.
func stalling(begin string) script {
	return func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			switch {
			case head == "":
				return
			case c.process > 1 || !strings.HasPrefix(head, "GET / "):
				c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
			default:
				c.send("%s", begin)
				_, _ = io.Copy(io.Discard, c.Conn)
				return
			}
		}
	}
}

func TestAnswerThatStallsIsCutAndItsProcessReplaced(t *testing.T) {
	for name, begin := range map[string]string{
		"within its length":     byLength,
		"between two chunks":    byChunks,
		"inside a chunk":        byChunks + "5\r\nhe",
		"inside a chunk's line": byChunks + "5",
		"until the end":         "HTTP/1.0 200 OK\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, stalling(begin), taking(1))
			c := f.dial().send(get)
			f.stall()
			c.expectCut("hello")
			f.expectLog("cut short", "answer_stall", "request-id=", "pid=1")
			f.expectLog("answer_stall passed", "process=1")
			f.dial().send(get).expect(200, "hello") // by another process
		})
	}
}

// Behind the head nothing has come, but that has been passed on: many clients wait for no more.
func TestAnswerThatStallsBehindItsHeadIsCut(t *testing.T) {
	f := newFront(t, stalling("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), taking(1))
	c := f.dial().send(get)
	f.stall()
	c.expectCut("")
}

func TestAnswerThatStallsInsideItsHeadIs504(t *testing.T) {
	for name, begin := range map[string]string{
		"in its first line":     "HTTP/1.1 2",
		"in a field":            "HTTP/1.1 200 OK\r\nContent-",
		"behind an interim one": "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, stalling(begin), taking(1))
			c := f.dial()
			c.send(get)
			if strings.Contains(begin, "103") {
				if res, err := http.ReadResponse(c.Reader, nil); err != nil || res.StatusCode != 103 {
					t.Fatalf("got %v, %v, want the interim answer", res, err)
				}
			}
			f.stall()
			c.expectFailure("GET", 504, "answer_stalled")
			c.send(get).expect(200, "hello")
		})
	}
}

func TestAnswerThatStallsWhileItIsMeasuredIs504(t *testing.T) {
	f := newFront(t, stalling(byChunks), taking(1))
	c := f.unixSocket()()
	c.send(get10)
	f.stall()
	c.expectFailure("GET", 504, "answer_stalled")
	f.dial().send(get).expect(200, "hello")
}

func TestProcessThatTakesAnyNumberOfRequestsOutlivesAStall(t *testing.T) {
	f := newFront(t, stalling(byChunks), taking(conf.Unlimited))
	c := f.dial().send(get)
	f.stall()
	c.expectCut("hello")
	f.dial().send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "hello")
	f.free()
	if p := f.group.Snapshot().Processes[0]; p.Number != 1 || p.State != "ready" {
		t.Errorf("process %d is %s", p.Number, p.State)
	}
}

func TestNoStallWithoutALimit(t *testing.T) {
	end := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("%s", byChunks)
		<-end
		c.send("0\r\n\r\n")
	}, func(_ *conf.Server, a *conf.App) { a.AnswerStall = 0 })
	c := f.dial()
	c.send(get)
	f.await("the client has the first of it", func() bool { return c.has("hello") })
	f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
	close(end)
	c.expect(200, "hello")
}

func TestEventStreamsAndWebSocketsMayPause(t *testing.T) {
	next := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if head, _ := c.request(); strings.HasPrefix(head, "GET /ws") {
			c.send(upgraded)
			<-next
			c.send("%s", frameOf("late", false))
		} else {
			c.send(eventStreamHead)
			c.chunk("data: 1\n\n")
			<-next
			c.chunk("data: 2\n\n")
			c.send("0\r\n\r\n")
		}
		_, _ = io.Copy(io.Discard, c.Conn)
	}, taking(conf.Unlimited))
	_, events := f.events("data: 1\n\n")
	ws := f.webSocket()
	f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
	f.server.sweeper.Sweep(f.server.clock.In(time.Hour))
	close(next)
	expectRest(t, events, "data: 2\n\n")
	ws.expectFrame("1 late")
}

// The app is not waited for while its answer waits for the client.
func TestSlowClientIsNoStall(t *testing.T) {
	const size = 20 << 20
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n"+strings.Repeat("x", size)), func(_ *conf.Server, a *conf.App) {
		a.Concurrency, a.AnswerStall = 1, 10*time.Second
	})
	t.Setenv("TMPDIR", "/proc/nowhere") // so that the process has to wait for the client
	c := f.dialSlowly(64 << 10)
	c.send(get)
	f.expectLog("cannot spool an answer")
	f.server.sweeper.Sweep(f.server.clock.In(20 * time.Second)) // more than answer_stall, less than a client has
	if _, body := c.answer("GET"); len(body) != size {
		t.Errorf("got %d bytes, want %d", len(body), size)
	}
}
