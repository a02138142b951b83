package proxy

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"purser/pool"
)

const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// hasty is an app that closes a connection soon after an answer, without having said so.
func hasty(_ testing.TB, c *appConn) {
	for {
		if head, _ := c.request(); head == "" {
			return
		}
		c.send(fine)
		time.AfterFunc(5*time.Millisecond, func() { _ = c.Close() })
	}
}

func TestNoPostIsLostToAnAppThatClosesItsIdleConnections(t *testing.T) {
	f := newFront(t, hasty, nil)
	c := f.dial()
	for i := range 50 {
		c.send(post).expect(200, "ok")
		time.Sleep(5*time.Millisecond + time.Duration(i-25)*20*time.Microsecond) // the app closes just before, just after, or at once
	}
}

func TestWhatCannotBeSentTwiceIsTheFirstOnItsConnection(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for n := 1; ; n++ {
			head, _ := c.request()
			if head == "" {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
		}
	}, nil)
	c := f.dial()
	c.send(get).expect(200, "1")
	c.send(get).expect(200, "2") // so they are kept
	for _, method := range []string{"POST", "PATCH", "LOCK"} {
		c.send("%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", method)
		if _, body := c.answer(method); body != "1" {
			t.Errorf("a %s was request %s on its connection", method, body)
		}
	}
	c.send(get).expect(200, "3")
}

func TestConnectionsToAnAppDoNotGrowWithPosts(t *testing.T) {
	const clients = 5
	var open, most atomic.Int32
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for n := open.Add(1); n > most.Load(); n = open.Load() {
			most.Store(n)
		}
		defer open.Add(-1)
		for head, _ := c.request(); head != ""; head, _ = c.request() {
			c.send(fine)
		}
	}, nil)
	var all sync.WaitGroup
	for range clients {
		c := f.dial()
		all.Go(func() {
			for range 40 {
				c.send(post).expect(200, "ok")
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > 4*clients { // the app sees the end of a connection a little later
		t.Errorf("%d clients had %d connections to the app", clients, n)
	}
	f.await("one idle connection is left", func() bool { return open.Load() <= 1 })
}

// A process that had a POST in the queue of its listener, or in its hands, may have acted.
func TestPostIsSentAgainOnlyIfTheProcessRefusesIt(t *testing.T) {
	for _, size := range []int{2, 300_000} {
		var seen atomic.Int32
		f := newFront(t, func(_ testing.TB, c *appConn) {
			if _, err := c.ReadByte(); err == nil {
				seen.Add(1)
			}
		}, nil)
		c := f.dial()
		c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
		if res, _ := c.answer("POST"); res.StatusCode != 502 {
			t.Errorf("%d bytes: got %d, want 502", size, res.StatusCode)
		}
		if n := seen.Load(); n != 1 {
			t.Errorf("%d bytes: the app saw %d requests, want 1", size, n)
		}
	}
}

func TestPostGoesToTheNextProcessIfItsOwnRefusesIt(t *testing.T) {
	f := &front{t: t, log: &syncBuffer{}}
	f.child = func(m *member) pool.Child {
		if m.pid == 1 {
			_ = m.listener.Close() // it exits, and does not say so
		}
		return m
	}
	f.start(func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", c.process)
	}, nil)
	f.dial().send(post).expect(200, "2")
}
