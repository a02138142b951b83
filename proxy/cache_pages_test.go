package proxy

import (
	"strings"
	"sync/atomic"
	"testing"

	"purser/conf"
)

// TestAStoredPageIsReplacedAsTheAppsOwnIs: what a program was given as it is, visitors are shown a page for.
func TestAStoredPageIsReplacedAsTheAppsOwnIs(t *testing.T) {
	f, asked := missing(t, nil)
	json := strings.TrimSuffix(get, "\r\n") + "Accept: application/json\r\n\r\n"
	f.call(json).serve().expect(404, "none")
	f.call(get).serve().expect(404, "<h1>404</h1>")
	f.call(json).serve().expect(404, "none")
	if asked.Load() != 1 {
		t.Errorf("the app was asked %d times", asked.Load())
	}
}

// TestWhoIsShownAPageDoesNotAskInTurn: the app's answer is stored for nobody, as nobody takes it to its end.
func TestWhoIsShownAPageDoesNotAskInTurn(t *testing.T) {
	let := make(chan struct{})
	f, asked := missing(t, let)
	all := f.oneAsksAndTwoWait(asked, func() {
		shown := f.call(get).serve()
		shown.expect(404, "<h1>404</h1>")
		if got := shown.fields["Cache-Status"]; strings.Contains(got, "stored") {
			t.Errorf("the cache says %q", got)
		}
	})
	f.bothAsk(all, asked, let)
}

// missing is a front with a page of its own, before an app that has nothing.
func missing(t *testing.T, let <-chan struct{}) (*front, *atomic.Int32) {
	root, asked := t.TempDir(), new(atomic.Int32)
	put(t, root, "404.html", "<h1>{status}</h1>")
	f := newFront(t, holding(always("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nnone"), asked, let), func(s *conf.Server, a *conf.App) { cached(s, a); a.Root = root })
	f.paged(conf.Pages{Files: map[string]string{"404": "404.html"}, Intercept: true})
	return f, asked
}

// TestWhatIsOnlyOfUseInAnErrorIsNotAskedForInTurn: the next one would have to ask again.
func TestWhatIsOnlyOfUseInAnErrorIsNotAskedForInTurn(t *testing.T) {
	var asked atomic.Int32
	let := make(chan struct{})
	f := newFront(t, waiting("max-age=0, stale-if-error=60", &asked, let), cached)
	all := f.oneAsksAndTwoWait(&asked, func() { f.call(get).serve() })
	f.bothAsk(all, &asked, let)
}

// TestTheHostThatATrustedProxyAsksForCountsBesideTheOneItNames: the app sees both, and may write either into its page.
func TestTheHostThatATrustedProxyAsksForCountsBesideTheOneItNames(t *testing.T) {
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for {
			request, _ := c.request()
			if request == "" {
				return
			}
			_, host, _ := strings.Cut(request, "Host: ")
			host, _, _ = strings.Cut(host, "\r\n")
			c.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", len(host), host)
		}
	}, cached)
	for _, host := range []string{"evil.example", "a.example", "evil.example"} {
		c := f.call("GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-Host: a.example\r\n\r\n")
		c.peer.Trusted = true
		c.serve().expect(200, host)
	}
}

// TestASlowClientDelaysNobodyElse: an answer that is not buffered comes as slowly as its client takes it.
func TestASlowClientDelaysNobodyElse(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 256<<10) // 4 MiB
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nX-Accel-Buffering: no\r\nContent-Length: 4194304\r\n\r\n"+long),
		func(s *conf.Server, a *conf.App) {
			cached(s, a)
			a.Cache = conf.Cache{Size: 64 << 20, MaxObject: 8 << 20}
			a.Concurrency = 2
		})
	slow := f.call(get)
	slow.window = 1000
	slow.begin()
	<-slow.starting
	f.call(get).serve().expect(200, long)
	f.call(get).serve().expect(200, long)
}
