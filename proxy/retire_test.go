package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/conf"
)

// retire begins to retire the front, and returns how that ended.
func (f *front) retire(ctx context.Context) (ended <-chan error) {
	f.t.Helper()
	retired := make(chan error, 1)
	go func() { retired <- f.server.Retire(ctx) }()
	f.await("it retires", func() bool {
		select {
		case <-f.server.closings.retired:
			return f.server.conns.Retiring()
		default:
			return false
		}
	})
	return retired
}

// expectRetired checks that nothing is left.
func (f *front) expectRetired(ended <-chan error) {
	f.t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			f.t.Errorf("the retirement: %v", err)
		}
	case <-time.After(longWait):
		f.t.Fatalf("the retirement does not end; left: %+v", f.server.Left())
	}
	if left := f.server.Left(); left != (Left{}) {
		f.t.Errorf("left: %+v, want nothing", left)
	}
}

// expectLast checks that an answer says that it is the connection's last, and that the connection ends.
func (c *visitor) expectLast(body string) {
	c.t.Helper()
	if res := c.expect(200, body); !res.Close {
		c.t.Error("the answer does not say that it is the last")
	}
	c.expectEnd()
}

func TestNextRequestOnAKeptConnectionIsServedByWhoRetires(t *testing.T) {
	f := newFront(t, hello, nil)
	used, fresh := f.dial().send(get), f.dial()
	used.expect(200, "hello")
	f.await("both are there", func() bool { return f.server.Left() == Left{Connections: 2} })
	retired := f.retire(t.Context())
	if left := f.server.Left(); left != (Left{Connections: 2}) {
		t.Errorf("left: %+v, want both connections", left)
	}
	used.send(get).expectLast("hello")
	fresh.send(get).expectLast("hello")
	f.expectRetired(retired)
}

func TestWhoRetiresServesAllThatIsSentAtThatMoment(t *testing.T) {
	f := newFront(t, echo2, nil)
	var all sync.WaitGroup
	for range 8 {
		c := f.dial()
		all.Go(func() {
			for {
				if _, err := io.WriteString(c.Conn, post); err != nil {
					t.Errorf("a kept connection was closed before its answer said so: %v", err)
					return
				}
				res, err := http.ReadResponse(c.Reader, nil)
				if err != nil {
					t.Errorf("a request was lost: %v", err)
					return
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Error(err)
				}
				if res.Close {
					return
				}
			}
		})
	}
	f.await("all are busy", func() bool { return f.server.Left().Connections == 8 })
	retired := f.retire(t.Context())
	all.Wait()
	f.expectRetired(retired)
}

func TestWhoRetiresAcceptsNobody(t *testing.T) {
	f := newFront(t, hello, nil)
	f.expectRetired(f.retire(t.Context()))
	if c, err := (&http.Client{}).Get(f.url("/")); err == nil {
		c.Body.Close()
		t.Error("somebody was served after that")
	}
}

func TestUploadsAndDownloadsOutliveARetirement(t *testing.T) {
	begun, release := make(chan string, 9), make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, body := c.request()
		if strings.HasPrefix(head, "POST") {
			c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
		begun <- ""
		<-release
		c.send("%s", "after")
	}, nil)
	up := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")
	down := f.dial().send(get)
	<-begun
	down.awaits("first")
	f.await("both are under way", func() bool { return f.server.Left() == Left{Requests: 2, Connections: 2} })
	retired := f.retire(t.Context())
	up.send("after")
	up.expectLast("firstafter")
	close(release)
	down.expect(200, "firstafter")
	down.expectEnd()
	f.expectRetired(retired)
}

func TestLongLivedConnectionsAreClosedWithinTheirWindowByWhoRetires(t *testing.T) {
	const window = 200 * time.Millisecond
	over := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		if strings.HasPrefix(head, "GET /events") {
			c.send(eventStreamHead)
			c.chunk("data: 1\n\n")
			<-over // what the app itself does is not waited for
		} else {
			c.send("%s", upgradedFor(head))
			readFrame(c.Reader)
			c.send("%s", "\x88\x00") // and ends, as who is asked must (RFC 6455 section 7.1.1): else it has a grace of seconds
		}
	}, leavesWithin(window))
	defer close(over)
	_, res := f.events("data: 1\n\n")
	w := f.webSocket()
	f.await("both are open", func() bool { return f.server.Left() == Left{LongLived: 2, Connections: 2} })
	begin := time.Now()
	retired := f.retire(t.Context())
	w.expectFrame(closed1012)
	w.send("\x88\x80mask")
	w.expectEnd()
	expectRest(t, res, "")
	f.expectRetired(retired)
	if took := time.Since(begin); took > window+longWait/2 {
		t.Errorf("it took %v, with a window of %v", took, window)
	}
	if p := f.group.Snapshot().Processes; len(p) != 1 || p[0].Number != 1 {
		t.Errorf("the process is another's, and was not left alone: %+v", p)
	}
}

func TestWhatBecomesLongLivedWhileAServerRetiresIsClosedToo(t *testing.T) {
	begun, release := make(chan string, 1), make(chan struct{})
	f := newFront(t, heldBack(begun, release, func(c *appConn) {
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
	}), leavesWithin(time.Millisecond))
	c := f.dial().send(get)
	<-begun
	retired := f.retire(t.Context())
	close(release)
	if _, body := c.answer("GET"); body != "" && body != "data: 1\n\n" {
		t.Errorf("got %q", body)
	}
	c.expectEnd()
	f.expectRetired(retired)
}

func TestStreamsOfHTTP2EndInOrderWhenTheirServerRetires(t *testing.T) {
	f, retired := eightStreamsOver(t, (*front).retire)
	f.expectRetired(retired)
}

func TestWebSocketInAStreamOfHTTP2IsClosedByWhoRetires(t *testing.T) {
	f := newFront2(t, func(_ testing.TB, c *appConn) {
		head, _ := c.request()
		c.send("%s", upgradedFor(head)+frameOf("first", false))
		readFrame(c.Reader)
		c.send("%s", "\x88\x00")
	}, leavesWithin(10*time.Millisecond))
	w := f.webSocket2(f.connecting2())
	w.expectFrame("1 first")
	retired := f.retire(t.Context())
	w.expectFrame(closed1012)
	w.send("\x88\x80mask")
	if b, err := io.ReadAll(w.in); err != nil || len(b) > 0 {
		t.Errorf("got %q, %v, want the end", b, err)
	}
	f.expectRetired(retired)
}

func TestRetirementThatIsGivenUpIsFollowedByAStop(t *testing.T) {
	begun, release := make(chan string, 1), make(chan struct{})
	f := newFront(t, heldBack(begun, release, func(c *appConn) { c.send(fine) }), func(_ *conf.Server, a *conf.App) { a.WebsocketCloseWindow = time.Hour })
	idle, busy := f.dial(), f.dial().send(get)
	<-begun
	f.await("both are there", func() bool { return f.server.Left().Connections == 2 })
	ctx, give := context.WithCancelCause(t.Context())
	retired := f.retire(ctx)
	give(errDrained)
	if err := <-retired; !errors.Is(err, errDrained) {
		t.Errorf("the retirement says %v", err)
	}
	stopped := f.stopOf(t.Context())
	idle.expectEnd()
	close(release)
	busy.expectLast("ok")
	if err := <-stopped; err != nil {
		t.Errorf("the stop: %v", err)
	}
}
