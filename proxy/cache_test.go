package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"purser/conf"
)

// cached turns the cache on.
func cached(_ *conf.Server, a *conf.App) { a.Cache = conf.Cache{Size: 8 << 20, MaxObject: 1 << 20} }

// counting is an app that answers with what head says and the number of the request.
func counting(head string, asked *atomic.Int32) script { return holding(numbered(head), asked, nil) }

func TestWhatIsFreshIsAnsweredWithoutTheApp(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\nX-Kind: page\r\n", &asked), cached)
	first, again := f.call(get).serve(), f.call(get).serve()
	first.expect(200, "answer 1")
	again.expect(200, "answer 1")
	if got := first.fields["Cache-Status"]; got != "purser; fwd=uri-miss; stored" {
		t.Errorf("the first answer says %q", got)
	}
	if got := again.fields["Cache-Status"]; got != "purser; hit; ttl=59" && got != "purser; hit; ttl=60" {
		t.Errorf("the second answer says %q", got)
	}
	if again.fields["Age"] != "0" || again.fields["X-Kind"] != "page" || again.fields["Date"] == "" || again.length != 8 {
		t.Errorf("the stored answer has %v and length %d", again.fields, again.length)
	}
	f.call(strings.Replace(get, "GET / ", "GET /?other ", 1)).serve().expect(200, "answer 2")
	f.call(strings.Replace(get, "a.example", "b.example", 1)).serve().expect(200, "answer 3")
	f.call(strings.Replace(get, "GET", "HEAD", 1)).serve().expect(200, "")
	if asked.Load() != 3 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

func TestWithoutTheTableNothingIsStored(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\n", &asked), nil)
	f.call(get).serve().expect(200, "answer 1")
	again := f.call(get).serve()
	again.expect(200, "answer 2")
	if _, is := again.fields["Cache-Status"]; is {
		t.Error("Cache-Status is said of no cache")
	}
}

// TestWhatIsForOneIsNotGivenToAnother: each would be a leak of one visitor's page to another.
func TestWhatIsForOneIsNotGivenToAnother(t *testing.T) {
	for name, c := range map[string]struct{ answer, request string }{
		"sets a cookie":         {"Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", ""},
		"is private":            {"Cache-Control: private, max-age=60\r\n", ""},
		"is private in a field": {"Cache-Control: private=\"x\", max-age=60\r\n", ""},
		"must not be stored":    {"Cache-Control: no-store, max-age=60\r\n", ""},
		"says nothing":          {"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""},
		"varies by all":         {"Cache-Control: max-age=60\r\nVary: *\r\n", ""},
		"varies by the address": {"Cache-Control: max-age=60\r\nVary: X-Forwarded-For\r\n", ""},
		"was asked with a name": {"Cache-Control: public, max-age=60\r\n", "Authorization: Basic YTpi\r\n"},
		"has a body to ask for": {"Cache-Control: public, max-age=60\r\n", "Content-Length: 1\r\n"},
		"nothing to be stored":  {"Cache-Control: max-age=60\r\n", "Cache-Control: no-store\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			f := newFront(t, counting(c.answer, &asked), cached)
			head := strings.TrimSuffix(get, "\r\n") + c.request + "\r\n"
			f.call(head, "x"[:strings.Count(c.request, "Length")]).serve().expect(200, "answer 1")
			f.call(get).serve().expect(200, "answer 2")
		})
	}
}

// TestOneAsksForAll: of those who want the same page at once one asks the app.
func TestOneAsksForAll(t *testing.T) {
	const visitors = 50
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, holding(always("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\npage"), &asked, let), cached)
	var all sync.WaitGroup
	calls := make([]*memCall, visitors)
	for i := range calls {
		calls[i] = f.call(get)
		all.Go(func() { calls[i].serve() })
	}
	f.await("all to wait", func() bool { return f.waitForOne() == visitors-1 })
	close(let)
	all.Wait()
	for _, c := range calls {
		c.expect(200, "page")
	}
	if asked.Load() != 1 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

// TestWhatCannotBeSharedIsNotAskedInTurn: who waited for an answer that turns out to be for one asks at once.
func TestWhatCannotBeSharedIsNotAskedInTurn(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, holding(always("HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 4\r\n\r\npage"), &asked, let), cached)
	all := f.oneAsksAndTwoWait(&asked, func() { f.call(get).serve().expect(200, "page") })
	f.bothAsk(all, &asked, let)
}

// TestWhoLeavesDoesNotTakeTheAnswerAlong: if the one who asks leaves, another asks.
func TestWhoLeavesDoesNotTakeTheAnswerAlong(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			if asked.Add(1) > 1 {
				<-let
			} else {
				_, _ = c.Read(make([]byte, 1)) // until purser gives up
			}
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\npage")
		}
	}, cached)
	first := f.call(get)
	wait := first.begin()
	f.await("the first to ask", func() bool { return asked.Load() == 1 })
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { f.call(get).serve().expect(200, "page") })
	}
	f.await("two to wait", func() bool { return f.waitForOne() == 2 })
	first.leave()
	wait()
	close(let)
	all.Wait()
	if asked.Load() != 2 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

// TestWhatIsStaleIsAskedForAgain: the app says that it is still so, with other fields beside it.
func TestWhatIsStaleIsAskedForAgain(t *testing.T) {
	var asked atomic.Int32
	var conditions sync.Map
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			request, _ := c.request()
			if request == "" {
				return
			}
			if asked.Add(1) == 1 {
				c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nETag: \"v1\"\r\nX-Seen: 1\r\nContent-Length: 4\r\n\r\npage")
				continue
			}
			conditions.Store("sent", request)
			c.send("HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\nX-Seen: 2\r\n\r\n")
		}
	}, cached)
	f.call(get).serve().expect(200, "page")
	confirmed := f.call(strings.TrimSuffix(get, "\r\n") + "If-None-Match: \"older\"\r\n\r\n").serve()
	confirmed.expect(200, "page")
	if got := confirmed.fields["Cache-Status"]; got != "purser; fwd=stale; fwd-status=304" || confirmed.fields["X-Seen"] != "2" {
		t.Errorf("got %q and X-Seen %q", got, confirmed.fields["X-Seen"])
	}
	sent, _ := conditions.Load("sent")
	if head := fmt.Sprint(sent); !strings.Contains(head, "If-None-Match: \"v1\"\r\n") || strings.Contains(head, "older") {
		t.Errorf("the app was asked with\n%s", head)
	}
	f.call(get).serve().expect(200, "page")
	f.call(strings.TrimSuffix(get, "\r\n")+"If-None-Match: W/\"v1\"\r\n\r\n").serve().expect(304, "")
	if asked.Load() != 2 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

// TestWhatIsStaleIsGivenWhileItIsAskedForAgain (RFC 5861 section 3): nobody waits for the new one.
func TestWhatIsStaleIsGivenWhileItIsAskedForAgain(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=0, stale-while-revalidate=60\r\n", &asked), cached)
	f.call(get).serve().expect(200, "answer 1")
	stale := f.call(get).serve()
	stale.expect(200, "answer 1")
	if got := stale.fields["Cache-Status"]; got != "purser; hit; ttl=0" {
		t.Errorf("it says %q", got)
	}
	f.await("the new one to be stored", func() bool {
		return f.call(get).serve().content() != "answer 1"
	})
}

// TestTheAppsErrorIsReplaced (RFC 5861 section 4), and so is no answer at all.
func TestTheAppsErrorIsReplaced(t *testing.T) {
	for name, fails := range map[string]string{"by an error": "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nsorry", "by nonsense": "nonsense\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			f := newFront(t, func(_ testing.TB, c *appConn) {
				for {
					if request, _ := c.request(); request == "" {
						return
					}
					if asked.Add(1) > 1 {
						c.send("%s", fails)
						return
					}
					c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-if-error=60\r\nContent-Length: 4\r\n\r\npage")
				}
			}, func(s *conf.Server, a *conf.App) { cached(s, a); a.Concurrency = 1 })
			f.call(get).serve().expect(200, "page")
			instead := f.call(get).serve()
			instead.expect(200, "page")
			if got := instead.fields["Cache-Status"]; !strings.HasSuffix(got, "; detail=stale-if-error") {
				t.Errorf("it says %q", got)
			}
		})
	}
}

// TestAChangeDropsWhatIsStored (RFC 9111 section 4.4), what the answer to it names, too.
func TestAChangeDropsWhatIsStored(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, counting("Cache-Control: max-age=60\r\nLocation: http://a.example/other?x=1\r\nContent-Location: http://b.example/\r\n", &asked), cached)
	other := strings.Replace(get, "GET / ", "GET /other?x=1 ", 1)
	f.call(get).serve().expect(200, "answer 1")
	f.call(other).serve().expect(200, "answer 2")
	f.call(strings.Replace(get, "a.ex", "b.ex", 1)).serve().expect(200, "answer 3")
	f.call("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\n", "x").serve().expect(200, "answer 4")
	f.call(get).serve().expect(200, "answer 5")
	f.call(other).serve().expect(200, "answer 6")
	f.call(strings.Replace(get, "a.ex", "b.ex", 1)).serve().expect(200, "answer 3")
}

// TestARestartDropsWhatOldCodeHasAnswered: from the first process of new code on.
func TestARestartDropsWhatOldCodeHasAnswered(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			if request, _ := c.request(); request == "" {
				return
			}
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n\r\n%d", c.generation)
		}
	}, cached)
	f.call(get).serve().expect(200, "1")
	f.call(get).serve().expect(200, "1")
	f.restarted(t.TempDir())
	f.call(get).serve().expect(200, "2")
	if hit := f.call(get).serve(); hit.content() != "2" || !strings.Contains(hit.fields["Cache-Status"], "hit") {
		t.Errorf("after the restart: %q, %q", hit.content(), hit.fields["Cache-Status"])
	}
}

// TestARangeIsCutFromWhatIsStored, and what cannot be is refused.
func TestARangeIsCutFromWhatIsStored(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nContent-Length: 10\r\n\r\n0123456789"), cached)
	f.call(get).serve().expect(200, "0123456789")
	part := f.call(strings.TrimSuffix(get, "\r\n") + "Range: bytes=2-4\r\nIf-Range: \"a\"\r\n\r\n").serve()
	part.expect(206, "234")
	if part.fields["Content-Range"] != "bytes 2-4/10" || part.length != 3 {
		t.Errorf("got %v, length %d", part.fields, part.length)
	}
	f.call(strings.TrimSuffix(get, "\r\n")+"Range: bytes=2-4\r\nIf-Range: \"b\"\r\n\r\n").serve().expect(200, "0123456789")
	none := f.call(strings.TrimSuffix(get, "\r\n") + "Range: bytes=20-\r\n\r\n").serve()
	none.expect(416, "")
	if got := none.fields; got["Content-Range"] != "bytes */10" || got["Cache-Control"] != "" || got["ETag"] != "" {
		t.Errorf("a cache before us would give the 416 to all: %v", got)
	}
	f.call(get).serve().expect(200, "0123456789")
}

// TestAnAnswerThatIsCutIsNotStored, and one that is too large.
func TestAnAnswerThatIsCutIsNotStored(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, func(_ testing.TB, c *appConn) {
		if request, _ := c.request(); request != "" {
			if asked.Add(1) == 1 {
				c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf")
				return
			}
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhole")
		}
	}, cached)
	f.call(get).serve().expectCut("half")
	f.call(get).serve().expect(200, "whole")
	f.call(get).serve().expect(200, "whole")
	if asked.Load() != 2 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

func TestOnlyIfCached(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\npage"), cached)
	only := strings.TrimSuffix(get, "\r\n") + "Cache-Control: only-if-cached\r\n\r\n"
	refused := f.call(only).serve()
	if refused.status != http.StatusGatewayTimeout || refused.fields["Purser-Error"] != "not_stored" {
		t.Errorf("got %d, %v", refused.status, refused.fields)
	}
	f.call(get).serve().expect(200, "page")
	f.call(only).serve().expect(200, "page")
}

// waitForOne returns how many requests wait for another's answer.
func (f *front) waitForOne() int {
	return f.server.current.Load().routes.all[0].cache.Waiting()
}
