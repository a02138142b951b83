package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
)

// A desk is an app that takes one request at a time, and notices if it is given a second one. To most it
// answers at once; the answer to /long is up to the test.
type desk struct {
	busy atomic.Int32
	over atomic.Bool // it had two at once
	long func(c *appConn)
}

func (d *desk) serve(_ testing.TB, c *appConn) {
	for {
		head, _ := c.request()
		if head == "" {
			return
		}
		if d.busy.Add(1) > 1 && c.process == 1 {
			d.over.Store(true)
		}
		if strings.HasPrefix(head, "GET /long") && c.process == 1 {
			d.long(c)
			d.busy.Add(-1)
			return
		}
		d.busy.Add(-1)
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// expectTurns checks that nobody was sent to a busy desk.
func (d *desk) expectTurns(t *testing.T) {
	t.Helper()
	if d.over.Load() {
		t.Error("a process that takes one request at a time was given two")
	}
}

// until waits for what the test lets happen, or for the test's end.
func until(t testing.TB, what <-chan struct{}) {
	select {
	case <-what:
	case <-t.Context().Done():
	}
}

const getLong = "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"

// leave ends a connection as a client does that takes nothing more.
func (c *visitor) leave() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func TestProcessOfAClientThatLeftIsNotLentBeforeItsAnswerHasEnded(t *testing.T) {
	for name, begin := range map[string]string{"before the head": "", "in its length": byLength, "in chunks": byChunks, "until the end": "HTTP/1.0 200 OK\r\n\r\nhello"} {
		t.Run(name, func(t *testing.T) {
			began, left, end := make(chan struct{}), make(chan struct{}), make(chan struct{})
			d := &desk{long: func(c *appConn) {
				c.send("%s", begin)
				close(began)
				until(t, left)
				if begin == "" {
					c.send("HTTP/1.0 200 OK\r\n\r\nhello")
				} else if begin == byChunks {
					c.chunk("world")
				} else {
					c.send("world")
				}
				until(t, end)
			}}
			f := newFront(t, d.serve, oneInPeace)
			c := f.dial()
			c.send(getLong)
			<-began
			c.leave()
			close(left)
			next := f.dial()
			next.send(get)
			f.awaitQueue(1)
			f.awaitLimit() // for the end of that answer
			if n := f.group.Snapshot().Queue; n != 1 {
				t.Errorf("%d are queued, want the next one", n)
			}
			close(end)
			next.expect(200, "ok")
			d.expectTurns(t)
			if p := f.group.Snapshot().Processes; len(p) != 1 || p[0].Number != 1 {
				t.Errorf("the process was replaced: %+v", p)
			}
		})
	}
}

// oneInPeace is an app of one process that takes one request at a time, may stall, and has a day to end
// an answer that nobody takes.
func oneInPeace(_ *conf.Server, a *conf.App) {
	a.Concurrency, a.AnswerStall, a.DrainTimeout = 1, 0, 24*time.Hour
}

func TestProcessThatGoesOnForNobodyIsReplaced(t *testing.T) {
	for name, head := range map[string]string{"an answer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "an event stream": eventStreamHead} {
		t.Run(name, func(t *testing.T) {
			began := make(chan struct{})
			d := &desk{long: func(c *appConn) {
				c.send("%s", head)
				c.chunk("data: 1\n\n")
				close(began)
				for c.sends("b\r\ndata: 2\r\n\r\n\r\n") { // for ever
					time.Sleep(time.Millisecond) // a pace, not a wait
				}
				<-t.Context().Done()
			}}
			f := newFront(t, d.serve, func(_ *conf.Server, a *conf.App) {
				a.Concurrency, a.DrainTimeout = 1, 50*time.Millisecond
			})
			c := f.dial()
			c.send(getLong)
			<-began
			c.leave()
			f.dial().send(get).expect(200, "ok")
			f.expectLog("nobody takes", "process=1")
			d.expectTurns(t)
		})
	}
}

// sends reports whether the connection takes it.
func (c *appConn) sends(data string) bool {
	_, err := io.WriteString(c.Conn, data)
	return err == nil
}

// The end of an event stream is not waited for: its app is told at its next word that nobody hears it.
func TestEventStreamThatNobodyHearsIsToldSo(t *testing.T) {
	for name, leave := range map[string]func(c *visitor){
		"the client left":    (*visitor).leave,
		"it half-closed":     func(c *visitor) { _ = c.Conn.(*net.TCPConn).CloseWrite() },
		"it does not read":   func(*visitor) {},
		"it left and we saw": func(c *visitor) { _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			began, told, end := make(chan struct{}), make(chan struct{}), make(chan struct{})
			d := &desk{long: func(c *appConn) {
				c.send(eventStreamHead)
				c.chunk("data: 1\n\n")
				close(began)
				event := "data: " + strings.Repeat("x", 60<<10) + "\n\n"
				for c.sends(chunkOf(event)) {
				}
				close(told)
				until(t, end)
			}}
			f := newFront(t, d.serve, oneInPeace)
			c := f.dial()
			c.send(getLong)
			if _, err := http.ReadResponse(c.Reader, nil); err != nil {
				t.Fatal(err)
			}
			<-began
			leave(c)
			<-told
			next := f.dial()
			next.send(get)
			f.awaitQueue(1)
			f.awaitLimit() // for the end of that answer
			close(end)
			next.expect(200, "ok")
			d.expectTurns(t)
			if p := f.group.Snapshot().Processes; len(p) != 1 || p[0].Number != 1 {
				t.Errorf("the process was replaced: %+v", p)
			}
		})
	}
}

func TestProcessOfAnAnswerThatIsTooLargeToMeasureIsNotLentBeforeItsEnd(t *testing.T) {
	end := make(chan struct{})
	d := &desk{long: func(c *appConn) {
		c.send("HTTP/1.0 200 OK\r\n\r\n%s", strings.Repeat("x", mostMeasured+1))
		until(t, end)
	}}
	f := newFront(t, d.serve, oneInPeace)
	c := f.unixSocket()()
	c.send("GET /long HTTP/1.0\r\n\r\n").expectFailure("GET", 502, "bad_response") // at once
	next := f.dial()
	next.send(get)
	f.awaitQueue(1)
	close(end)
	next.expect(200, "ok")
	d.expectTurns(t)
}

func TestStopDoesNotWaitForAnAnswerThatNobodyTakes(t *testing.T) {
	began, left := make(chan struct{}), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send("%s", byChunks)
		close(began)
		until(t, left)
		c.chunk("world")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, oneInPeace)
	c := f.dial()
	c.send(get)
	<-began
	c.leave()
	close(left)
	f.awaitLimit() // for the end of that answer
	_ = f.server.Shutdown(past(t))
}
