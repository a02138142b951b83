package proxy

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

// stopOf begins to stop the front, and returns how that ended.
func (f *front) stopOf(ctx context.Context) <-chan error {
	f.t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- f.server.Shutdown(ctx) }()
	f.await("it stops", f.server.stopping.Load)
	return stopped
}

// heldBack is an app that answers nothing before it may.
func heldBack(begun chan<- string, release <-chan struct{}, answer func(*appConn)) script {
	return func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			begun <- strings.Fields(head)[1]
			<-release
			answer(c)
		}
	}
}

func TestWhatBecomesLongLivedDuringAStopDoesNotHoldIt(t *testing.T) {
	for name, c := range map[string]struct{ ask, answer string }{
		"event stream": {get, eventStreamHead + "6\r\ndata: \r\n"},
		"WebSocket":    {upgrade, upgraded},
	} {
		for kind, concurrency := range map[string]int{"any number at once": conf.Unlimited, "one at a time": 1} {
			t.Run(name+", "+kind, func(t *testing.T) {
				begun, release := make(chan string, 1), make(chan struct{})
				f := newFront(t, heldBack(begun, release, func(a *appConn) {
					a.send("%s", c.answer)
					_, _ = io.Copy(io.Discard, a.Conn) // it would go on for ever
				}), func(_ *conf.Server, a *conf.App) { a.Concurrency = concurrency })
				visitor := f.dial()
				visitor.send("%s", c.ask)
				<-begun
				stopped := f.stopOf(t.Context())
				close(release)
				select {
				case err := <-stopped:
					if err != nil {
						t.Errorf("the stop: %v", err)
					}
				case <-time.After(longWait):
					t.Fatal("the stop waits for it")
				}
			})
		}
	}
}

var errDrained = errors.New("the drain is over")

func TestQueuedRequestsAreServedDuringAStop(t *testing.T) {
	begun, release := make(chan string, 9), make(chan struct{})
	f := newFront(t, heldBack(begun, release, func(a *appConn) { a.send(fine) }), one)
	first, second, third := f.dial(), f.dial(), f.dial()
	first.send(get)
	<-begun
	second.send(get)
	third.send(post)
	f.awaitQueue(2)
	stopped := f.stopOf(t.Context())
	close(release)
	for _, c := range []*visitor{first, second, third} {
		c.expect(200, "ok")
		c.expectEnd()
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestQueuedRequestsAreToldOfTheStopWhenTheDrainEnds(t *testing.T) {
	begun, release := make(chan string, 9), make(chan struct{})
	f := newFront(t, heldBack(begun, release, func(a *appConn) { a.send(fine) }), one)
	defer close(release)
	hung := f.dial().send(get)
	<-begun
	queued := []*visitor{f.dial().send(get), f.dial().send(post), f.dial().send("GET / HTTP/1.0\r\n\r\n")}
	f.awaitQueue(len(queued))
	sending := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome of it")
	head := f.dial().send("GET / HTTP/1.1\r\nHos")
	f.await("the head is being read", func() bool { return f.waitsFor(15 * time.Second) })
	f.await("the body is being read", func() bool { return f.waitsFor(30 * time.Second) })
	ctx, drained := context.WithCancelCause(t.Context())
	stopped := f.stopOf(ctx)
	drained(errDrained)
	for i, c := range append(queued, sending, head) {
		res, _ := c.answer("GET")
		if res.StatusCode != 503 || res.Header.Get("Purser-Error") != "stopping" || res.Header.Get("Retry-After") == "" || !res.Close {
			t.Errorf("%d: got %d %s", i, res.StatusCode, res.Header.Get("Purser-Error"))
		}
		c.expectEnd()
	}
	if err := <-stopped; !errors.Is(err, errDrained) {
		t.Errorf("the stop says %v", err)
	}
	res, _ := hung.answer("GET") // it may have been done, so nobody is asked to send it again
	if res.StatusCode != 504 || res.Header.Get("Purser-Error") != "stopping" || res.Header.Get("Retry-After") != "" {
		t.Errorf("the request that hung got %d %s", res.StatusCode, res.Header.Get("Purser-Error"))
	}
}

// waitsFor reports whether there is a deadline that was so long when it began, within the last few seconds.
func (f *front) waitsFor(long time.Duration) bool {
	latest, earliest := f.server.clock.In(long), f.server.clock.In(long-5*time.Second)
	return slices.ContainsFunc(f.server.sweeper.Deadlines(), func(at int64) bool { return earliest < at && at <= latest })
}

func TestEventStreamEndsInOrderWhenPurserStops(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, nil)
	_, res := f.events("data: 1\n\n")
	stopped := f.stopOf(t.Context())
	expectRest(t, res, "")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
