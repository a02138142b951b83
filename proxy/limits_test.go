package proxy

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"purser/conf"
	"purser/proxy/client"
	"purser/proxy/wire"
)

func hourly(path string, n int) conf.PathLimit {
	return conf.PathLimit{Path: path, Rate: conf.Rate{Count: n, Per: time.Hour}, By: "address"}
}

// limitedFront greets whom its limits let in.
func limitedFront(t testing.TB, all ...conf.PathLimit) *front {
	return newFront(t, hello, func(s *conf.Server, a *conf.App) {
		s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		a.PathLimits = all
	})
}

// asks is a request for a path by a client that a trusted proxy names.
func (c *visitor) asks(path, from string) *http.Response {
	c.t.Helper()
	c.send("GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n\r\n", path, from)
	res, _ := c.answer("GET")
	return res
}

func TestWhoAsksTooOftenIsToldWhenToComeAgain(t *testing.T) {
	f := limitedFront(t, hourly("/login", 2))
	c := f.dial()
	for range 2 {
		if res := c.asks("/login", "192.0.2.1"); res.StatusCode != 200 {
			t.Fatalf("got %d within the limit", res.StatusCode)
		}
	}
	res := c.asks("/login?again", "192.0.2.1")
	if res.StatusCode != 429 || res.Header.Get("Purser-Error") != "rate_limited" || res.Header.Get("X-Request-ID") == "" {
		t.Fatalf("got %d %v", res.StatusCode, res.Header)
	}
	if got := res.Header.Get("RateLimit-Policy"); got != `"/login";q=2;w=3600` {
		t.Errorf("RateLimit-Policy: %s", got)
	}
	wait := res.Header.Get("Retry-After")
	if got := res.Header.Get("RateLimit"); got != `"/login";r=0;t=`+wait || wait != "1800" {
		t.Errorf("RateLimit: %s, Retry-After: %s", got, wait)
	}
	if res := c.asks("/elsewhere", "192.0.2.1"); res.StatusCode != 200 {
		t.Errorf("another path: %d", res.StatusCode)
	}
	if res := c.asks("/login", "192.0.2.2"); res.StatusCode != 200 {
		t.Errorf("another client: %d", res.StatusCode)
	}
	f.await("the refusal is logged", func() bool {
		return strings.Contains(f.log.String(), "more than 2/h came from this address for /login")
	})
}

// A client that asks as fast as it is refused would have the processors for itself.
func TestRefusalWaitsUnlessManyDoAlready(t *testing.T) {
	f := limitedFront(t, hourly("/", 1))
	for already, want := range map[int64]int{0: 1, mostSlowed - 1: 1, mostSlowed: 0} {
		x := admitting(f, "/")
		call := &leavingCall{memCall: f.call(get)}
		x.call = call
		f.server.slowed.Store(already)
		x.slowDown(time.Hour)
		if call.waits != want {
			t.Errorf("beside %d others it waits %d times, want %d", already, call.waits, want)
		}
		if n := f.server.slowed.Load(); n != already {
			t.Errorf("%d wait, of %d before", n, already)
		}
		x.end()
	}
}

// A leavingCall is one whose client leaves as soon as it has to wait.
type leavingCall struct {
	*memCall
	waits int
}

func (c *leavingCall) Present() (context.Context, func()) {
	c.waits++
	ctx, end := context.WithCancel(c.t.Context())
	end()
	return ctx, end
}

func TestOneWhoHasAWholeNetworkIsOneClient(t *testing.T) {
	f := limitedFront(t, hourly("/", 1))
	for _, c := range []struct {
		from string
		want int
	}{
		{"2001:db8:1:2::1", 200}, {"2001:db8:1:2:ffff:ffff:ffff:ffff", 429}, {"2001:db8:1:3::1", 200},
		{"192.0.2.1", 200}, {"::ffff:192.0.2.1", 429}, {"192.0.2.2", 200},
	} {
		if res := f.dial().asks("/", c.from); res.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d", c.from, res.StatusCode, c.want)
		}
	}
}

func TestStrangersWordForWhoItIsDoesNotCount(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.PathLimits = []conf.PathLimit{hourly("/", 1)} })
	c := f.dial()
	c.asks("/", "192.0.2.1")
	if res := c.asks("/", "192.0.2.2"); res.StatusCode != 429 {
		t.Errorf("got %d, want 429", res.StatusCode)
	}
}

func TestPathsMayBeCountedApart(t *testing.T) {
	l := hourly("/api", 1)
	l.By = "address+path"
	f := limitedFront(t, l)
	c := f.dial()
	for _, step := range []struct {
		path string
		want int
	}{{"/api/a", 200}, {"/api/b", 200}, {"/api/a", 429}, {"/api/%61", 429}, {"/api//a", 429}, {"/api%2Fa", 429}} {
		if res := c.asks(step.path, "192.0.2.1"); res.StatusCode != step.want {
			t.Errorf("%s: got %d, want %d", step.path, res.StatusCode, step.want)
		}
	}
}

func TestHowAPathIsWrittenMakesNoDifference(t *testing.T) {
	for _, c := range []struct {
		limit, path string
		means       bool
	}{
		{"/login", "/login", true}, {"/login", "/login/", true}, {"/login", "/login/step/2", true}, {"/login", "/login?x", true},
		{"/login", "/loginx", false}, {"/login", "/login.json", false}, {"/login", "/Login", false}, {"/login", "/", false},
		{"/login*", "/login.json", true}, {"/login*", "/loginx", true}, {"/login*", "/login", true}, {"/login*", "/logi", false},
		{"/login/*", "/login", false}, {"/login/*", "/login/", true}, {"/", "/", true}, {"/", "/any", true}, {"/*", "/any", true},
		{"/login", "/%6cogin", true}, {"/login", "/%6Cogin", true}, {"/login", "//login", true}, {"/login", "/./login", true},
		{"/login", "/x/../login", true}, {"/login", "/x/%2e%2e/login", true}, {"/login", "/%2e/login", true},
		{"/login", "/login%2F", true}, {"/login", "/login%2Fx", true}, {"/login", "/%2Flogin", true},
		{"/@me", "/%40me", true}, {"/a:b", "/a%3Ab", true},
		{"/login", "/%256cogin", false}, // which an app does not read as /login either
		{"/login", "/login%2F..%2Fx", true},
		{"/login", "http://other.example/%6Cogin", true},
	} {
		var req wire.Request
		if err := req.Parse([]byte("GET " + c.path + " HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		l := newPathLimit(conf.PathLimit{Path: c.limit}, nil)
		if got := l.means(plainPath(nil, &req)); got != c.means {
			t.Errorf("the limit of %s means %s: %v, want %v", c.limit, c.path, got, c.means)
		}
	}
}

func TestBodiesAreAsLargeAsTheLongestPathSays(t *testing.T) {
	size := func(path string, n int64) conf.PathLimit {
		return conf.PathLimit{Path: path, By: "address", MaxBody: conf.Number{Set: true, Value: n}}
	}
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) {
		a.MaxBody = 100
		a.PathLimits = []conf.PathLimit{size("/api", 10), hourly("/api/upload/photo", 1000), size("/api/upload", 1000), size("/any", 0)}
		a.Redirects = []conf.Redirect{{From: "/photos", To: "/api", Status: 301, Rewrite: true}, {From: "/api/old", To: "/any", Status: 301, Rewrite: true}}
	})
	for _, c := range []struct {
		path string
		size int
		want int
	}{
		{"/", 100, 200}, {"/", 101, 413}, {"/api", 10, 200}, {"/api", 11, 413}, {"/%61pi", 11, 413}, {"/api/upload", 1000, 200},
		{"/api/upload/photo", 1000, 200}, {"/api/upload", 1001, 413}, {"/any", 100_000, 200},
		{"/photos", 100, 200}, {"/api/old", 11, 413}, // which are rewritten
	} {
		v := f.dial()
		v.send("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", c.path, c.size, strings.Repeat("x", c.size))
		if res, _ := v.answer("POST"); res.StatusCode != c.want {
			t.Errorf("%d bytes for %s: got %d, want %d", c.size, c.path, res.StatusCode, c.want)
		}
	}
}

func TestWhoWaitsToBeAskedForABodyIsRefusedBefore(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.PathLimits = []conf.PathLimit{hourly("/", 1)} })
	const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	c := f.dial().send(post)
	c.awaits("HTTP/1.1 100 Continue\r\n\r\n")
	_, _ = c.Discard(len("HTTP/1.1 100 Continue\r\n\r\n"))
	c.send("hello")
	c.expect(200, "hello")
	if res, _ := f.dial().send(post).answer("POST"); res.StatusCode != 429 {
		t.Errorf("got %d, want 429", res.StatusCode)
	}
}

func TestWhatWasCountedIsKeptAsLongAsALimitIsTheSame(t *testing.T) {
	kept, changed := hourly("/kept", 1), hourly("/changed", 1)
	f := limitedFront(t, kept, changed)
	c := f.dial()
	c.asks("/kept", "192.0.2.1")
	c.asks("/changed", "192.0.2.1")
	changed.Rate.Count = 2
	kept.MaxBody = conf.Number{Set: true, Value: 10} // which is no part of what is counted
	next := f.config
	next.Apps = []conf.App{next.Apps[0]}
	next.Apps[0].PathLimits = []conf.PathLimit{changed, kept}
	f.server.Change(next)
	if res := c.asks("/kept", "192.0.2.1"); res.StatusCode != 429 {
		t.Errorf("the same limit: got %d, want 429", res.StatusCode)
	}
	if res := c.asks("/changed", "192.0.2.1"); res.StatusCode != 200 {
		t.Errorf("another limit: got %d, want 200", res.StatusCode)
	}
	next.Apps = []conf.App{next.Apps[0]}
	next.Apps[0].PathLimits = nil
	f.server.Change(next)
	if res := c.asks("/kept", "192.0.2.1"); res.StatusCode != 200 {
		t.Errorf("no limit: got %d, want 200", res.StatusCode)
	}
}

// admitting is an exchange whose request is counted by limits.
func admitting(f *front, path string) *exchange {
	call := f.call("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
	call.peer = client.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Text: []byte("192.0.2.1")}
	x := f.server.newExchange()
	x.begin(call)
	x.site, _ = x.routes.find(x.req)
	return x
}

func TestCountingAllocatesNothing(t *testing.T) {
	limit := conf.PathLimit{Path: "/", Rate: conf.Rate{Count: 1_000_000, Per: time.Second}, By: "address+path"}
	f := limitedFront(t, limit, limit)
	for _, path := range []string{"/plain", "/%6cogin"} {
		x := admitting(f, path)
		if n := testing.AllocsPerRun(100, func() { _ = x.site.limits.admit(x) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
		x.end()
	}
}

func BenchmarkAdmit(b *testing.B) {
	for _, limits := range []int{0, 1, 5} {
		b.Run(fmt.Sprint(limits, " limits"), func(b *testing.B) {
			var all []conf.PathLimit
			for range limits {
				all = append(all, conf.PathLimit{Path: "/", Rate: conf.Rate{Count: 1_000_000, Per: time.Second}, By: "address"})
			}
			x := admitting(limitedFront(b, all...), "/login")
			b.ReportAllocs()
			for b.Loop() {
				_ = x.site.limits.admit(x)
			}
			x.end()
		})
	}
}
