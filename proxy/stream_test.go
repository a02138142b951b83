package proxy

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purser/conf"
	"purser/pool"
	"purser/proxy/upstream"
)

const eventStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunk is one chunk of an app's answer.
func (c *appConn) chunk(data string) { c.send("%x\r\n%s\r\n", len(data), data) }

// events opens an event stream and reads the first of it.
func (f *front) events(want string) (*visitor, *http.Response) {
	f.t.Helper()
	c := f.dial()
	c.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil || res.StatusCode != 200 {
		f.t.Fatalf("got %v, %v, want a stream", res, err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
		f.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	return c, res
}

func expectRest(t *testing.T, res *http.Response, want string) {
	t.Helper()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q and a clean end", got, err, want)
	}
}

// greeting answers what is no stream.
func greeting(c *appConn, head string) bool {
	if strings.HasPrefix(head, "GET /events") {
		return false
	}
	c.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	return true
}

func TestRestartEndsAnEventStreamThatIsIdleAtOnce(t *testing.T) {
	for name, concurrency := range map[string]int{"any number at once": conf.Unlimited, "two at once": 2} {
		t.Run(name, func(t *testing.T) {
			f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
				if head, _ := c.request(); greeting(c, head) {
					return
				}
				c.send(eventStreamHead)
				c.chunk("data: 1\n\n: comment\n")
				_, _ = io.Copy(io.Discard, c.Conn)
			}, func(_ *conf.Server, a *conf.App) {
				leavesWithin(0)(nil, a)
				a.Concurrency, a.DrainTimeout = concurrency, time.Millisecond
			})
			c, res := f.events("data: 1\n\n: comment\n")
			f.restart("/new")
			expectRest(t, res, "")
			c.send(get).expect(200, "hello") // the connection is none the worse
			(<-asked).Kill()
		})
	}
}

func TestRestartEndsAnEventStreamBehindTheEventThatIsInFlight(t *testing.T) {
	rest := make(chan struct{})
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\ndata: ha")
		<-rest
		c.chunk("lf\n")
		c.chunk("\ndata: never seen\n\n")
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(0))
	_, res := f.events("data: 1\n\ndata: ha")
	f.restart("/new")
	old := <-asked
	f.await("the stream waits for the rest of its event", func() (waits bool) {
		return slices.ContainsFunc(f.server.sweeper.Deadlines(), func(at int64) bool { return at <= f.server.clock.In(closeGrace) })
	})
	close(rest)
	expectRest(t, res, "lf\n\n")
	old.Kill()
}

func TestEventStreamOfAnAppThatDiesAtOnceLivesUntilItIsDue(t *testing.T) {
	const many, window = 30, time.Second
	var untilClose atomic.Int32
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		if untilClose.Add(1)%2 == 0 { // the end of the connection is that of the stream
			c.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2")
		} else {
			c.send(eventStreamHead)
			c.chunk("data: 1\n\ndata: 2")
		}
		_, _ = io.Copy(io.Discard, c.Conn)
	}, leavesWithin(window))
	var streams []*http.Response
	for range many {
		_, res := f.events("data: 1\n\ndata: 2")
		streams = append(streams, res)
	}
	began := time.Now()
	f.restart("/new")
	ends := make(chan time.Duration, many)
	for _, res := range streams {
		go func() {
			expectRest(t, res, "")
			ends <- time.Since(began)
		}()
	}
	first, last := time.Hour, time.Duration(0)
	for range many {
		end := <-ends
		first, last = min(first, end), max(last, end)
	}
	if last-first < window/2 {
		t.Errorf("all ended within %v, want them spread over %v", last-first, window)
	}
}

func TestEventStreamThatTheAppEndsIsOverAtOnce(t *testing.T) {
	end := make(chan struct{})
	f, asked := newStubborn(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
		<-end
		c.send("0\r\n\r\n")
	}, leavesWithin(time.Hour))
	_, res := f.events("data: 1\n\n")
	f.restart("/new")
	old := <-asked
	close(end)
	expectRest(t, res, "")
	old.Kill()
}

func TestEventStreamThatIsCutUnaskedIsCut(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		c.request()
		c.send(eventStreamHead)
		c.chunk("data: 1\n\n")
	}, leavesWithin(time.Hour))
	_, res := f.events("data: 1\n\n")
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a stream that its process cut ended cleanly")
	}
}

func TestOutcomeOfARequestIsWhatItSaysAboutTheApp(t *testing.T) {
	for _, c := range []struct {
		status int
		err    error
		want   pool.Outcome
	}{
		{200, nil, pool.Worked},
		{404, nil, pool.Worked},
		{500, nil, pool.Erred},
		{503, upstream.ErrGone, pool.Erred},
		{200, upstream.ErrShortAnswer, pool.Erred},
		{200, upstream.ErrGone, pool.Unclear},
		{0, upstream.ErrNoAnswer, pool.Erred},
		{0, upstream.ErrShortHead, pool.Erred},
		{0, upstream.ErrSlow, pool.Erred},
		{0, upstream.ErrNotHTTP, pool.Erred},
		{0, upstream.ErrUnsent, pool.Unclear},
		{0, upstream.ErrRefused, pool.Unclear},
		{0, upstream.ErrNoLink, pool.Unclear},
	} {
		if got := outcomeOfAnswer(c.status, c.err); got != c.want {
			t.Errorf("status %d, %v: %v, want %v", c.status, c.err, got, c.want)
		}
	}
}
