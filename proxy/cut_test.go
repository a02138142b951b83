package proxy

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// The beginnings of answers whose end a client can tell in each of the three ways.
const (
	byLength = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"
	byChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
)

// get10 is a GET of a client that is told the end of an answer by that of the connection.
const get10 = "GET / HTTP/1.0\r\nHost: a\r\n\r\n"

// expectCut checks that an answer has this beginning, all of which can be read, and no end.
func (c *visitor) expectCut(begin string) {
	c.t.Helper()
	b, err := io.ReadAll(c.Reader)
	if !errors.Is(err, unix.ECONNRESET) {
		c.t.Errorf("the end is %v, want a reset", err)
	}
	if _, body, ok := strings.Cut(string(b), "\r\n\r\n"); !ok || !strings.Contains(body, begin) {
		c.t.Errorf("got %d bytes before it, want %d", len(body), len(begin))
	}
}

// begun is an app that sends the beginning of an answer and ends the connection.
func begun(begin string) script {
	return func(_ testing.TB, c *appConn) {
		c.request()
		c.send("%s", begin)
	}
}

func TestCutAnswerIsResetWhateverTheClientSpeaks(t *testing.T) {
	large := strings.Repeat("0123456789", 20_000)
	for name, c := range map[string]struct{ begin, body string }{
		"by length":       {byLength, "hello"},
		"in chunks":       {byChunks, "hello"},
		"a wrong chunk":   {byChunks + "zz\r\n", "hello"},
		"a larger answer": {"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + large, large},
	} {
		for _, request := range []string{get, get10} {
			t.Run(name, func(t *testing.T) {
				newFront(t, begun(c.begin), nil).dial().send("%s", request).expectCut(c.body)
			})
		}
	}
}

// An answer in chunks has lost its framing for HTTP/1.0, and so would its end.
func TestAnswerThatStopCutsIsReset(t *testing.T) {
	f := newFront(t, func(t testing.TB, c *appConn) {
		c.request()
		c.send(byChunks)
		_, _ = io.Copy(io.Discard, c.Conn)
	}, nil)
	c := f.dial()
	c.send(get10)
	c.awaits("hello")
	if err := f.server.Shutdown(past(t)); err == nil {
		t.Error("the stop has cut nothing")
	}
	c.expectCut("hello")
}

func TestAnswerThatTheClientTakesTooSlowlyIsReset(t *testing.T) {
	size := 32 << 20 // more than the kernel holds of it
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("HTTP/1.0 200 OK\r\n\r\n%s", strings.Repeat("x", size))
	}, nil)
	c := f.dialSlowly(64 << 10)
	c.send(get10)
	f.await("the process is done", func() bool { return f.group.Snapshot().Processed == 1 })
	f.await("the client's time has passed", func() bool {
		f.server.sweeper.Sweep(f.server.clock.In(time.Hour)) // what goes out meanwhile is progress
		return strings.Contains(f.log.String(), errSlowClient.Error())
	})
	if n, err := io.Copy(io.Discard, c.Reader); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("%d bytes and %v, want a reset", n, err)
	}
}

func TestStreamThatEndsOnPurposeEndsInOrderForHTTP10(t *testing.T) {
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(0))
	c := f.dial()
	c.send(get10)
	c.awaits("data: 1\n\n")
	f.restart("/new")
	if b, err := io.ReadAll(c.Reader); err != nil || !strings.HasSuffix(string(b), "data: 1\n\n") {
		t.Errorf("got %q, %v, want its end in order", b, err)
	}
	(<-asked).Kill()
}

// On a unix socket there is no reset.
func TestAnswerOnAUnixSocketToHTTP10HasALength(t *testing.T) {
	large := strings.Repeat("0123456789", 1<<18)
	for name, c := range map[string]struct{ answer, body string }{
		"in chunks": {byChunks + "0\r\n\r\n", "hello"},
		"until end": {"HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
		"large":     {"HTTP/1.0 200 OK\r\nX-App: kept\r\n\r\n" + large, large},
		"empty":     {"HTTP/1.0 200 OK\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			res := newFront(t, begun(c.answer), nil).unixSocket()().send(get10).expect(200, c.body)
			if res.ContentLength != int64(len(c.body)) {
				t.Errorf("its length is told as %d, want %d", res.ContentLength, len(c.body))
			}
			if strings.Contains(c.answer, "X-App") {
				expectHeader(t, res.Header, "X-App", "kept")
			}
		})
	}
}

func TestAnswerOnAUnixSocketThatCannotBeMeasuredIsAFailure(t *testing.T) {
	tooMuch := strings.Repeat("x", mostMeasured+1)
	for name, c := range map[string]struct{ answer, reason string }{
		"cut":       {byChunks, "process_exited"},
		"wrong":     {byChunks + "zz\r\n", "bad_response"},
		"too large": {"HTTP/1.0 200 OK\r\n\r\n" + tooMuch, "bad_response"},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := newFront(t, begun(c.answer), nil).unixSocket()()
			c2.send(get10).expectFailure("GET", 502, c.reason)
		})
	}
}

func TestLengthThatNobodyKnowsIsNotToldOfAnAnswerWithoutContent(t *testing.T) {
	for _, c := range []struct{ method, answer string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
	} {
		v := newFront(t, begun(c.answer), nil).unixSocket()()
		v.send("%s / HTTP/1.0\r\nHost: a\r\n\r\n", c.method)
		res, _ := v.answer(c.method)
		expectHeader(t, res.Header, "Content-Length", "")
	}
}

func TestEventStreamOnAUnixSocketToHTTP10IsNotHeldBack(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, nil)
	c := f.unixSocket()()
	c.send(get10)
	for line := ""; line != "data: 1\n"; {
		var err error
		if line, err = c.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClientThatLeavesWhileItsAnswerIsMeasuredIsNoFault(t *testing.T) {
	for name, concurrency := range map[string]int{"any number at once": conf.Unlimited, "one at once": 1} {
		t.Run(name, func(t *testing.T) {
			begun, end := make(chan struct{}), make(chan struct{})
			f := newFront(t, func(_ testing.TB, c *appConn) {
				c.request()
				c.send(byChunks)
				close(begun)
				if concurrency == 1 {
					<-end
				} else {
					_, _ = io.Copy(io.Discard, c.Conn) // until it is given up
				}
				c.send("0\r\n\r\n")
			}, func(_ *conf.Server, a *conf.App) { a.Concurrency = concurrency })
			c := f.unixSocket()()
			c.send(get10)
			<-begun
			_ = c.Close()
			close(end)
			f.await("the process is free", func() bool {
				f.server.sweeper.Sweep(f.server.clock.In(2 * time.Second)) // by then it is looked for who has left
				return f.group.Snapshot().Processed == 1
			})
			_ = f.server.Shutdown(t.Context()) // then it is over
			if n := f.server.Faults(); n != 0 {
				t.Errorf("%d faults of purser", n)
			}
		})
	}
}
