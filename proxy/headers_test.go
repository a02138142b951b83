package proxy

import (
	"strings"
	"testing"

	"purser/conf"
	"purser/proxy/client"
	"purser/proxy/wire"
)

func withHeaders(h conf.Headers) func(*conf.Server, *conf.App) {
	return func(_ *conf.Server, a *conf.App) { a.Headers = h }
}

func TestAnswersHaveTheFieldsThatAreSetAndNotThoseThatAreRemoved(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nServer: app/1\r\nX-Powered-By: x\r\nx-frame-options: DENY\r\nSet-Cookie: a=1\r\nCache-Control: private\r\nContent-Length: 0\r\n\r\n"),
		withHeaders(conf.Headers{
			Set:    []conf.HeaderLine{{Name: "X-Frame-Options", Value: "SAMEORIGIN"}, {Name: "Cache-Control", Value: "public"}, {Name: "Set-Cookie", Value: "b=2"}, {Name: "Link", Value: "</a>"}, {Name: "Link", Value: "</b>"}},
			Remove: []string{"server", "X-Powered-By"},
		}))
	res, _ := f.dial().fetch("GET", "/")
	expectHeader(t, res.Header, "Server", "", "X-Powered-By", "", "X-Frame-Options", "SAMEORIGIN", "Cache-Control", "public", "Set-Cookie", "a=1 | b=2", "Link", "</a> | </b>")
}

func TestFilesRedirectsAndOwnPagesHaveThemToo(t *testing.T) {
	h := conf.Headers{Set: []conf.HeaderLine{{Name: "X-Site", Value: "blog"}, {Name: "Cache-Control", Value: "public"}, {Name: "Content-Type", Value: "text/x-mine"}}, Remove: []string{"ETag"}}
	f, _ := newFiles(t, all(withHeaders(h), withRedirects(conf.Redirect{From: "/old", To: "/new", Status: 301})), "a.css", "body {}")
	c := f.dial()
	res, _ := c.fetch("GET", "/a.css")
	expectHeader(t, res.Header, "X-Site", "blog", "Cache-Control", "public", "Etag", "", "Content-Type", "text/x-mine")
	res, _ = c.fetch("GET", "/old")
	expectHeader(t, res.Header, "X-Site", "blog", "Location", "/new")
	f.change(func(c *Config) { c.Stopped = map[string]bool{"app": true} })
	res, _ = f.dial().fetch("GET", "/")
	expectHeader(t, res.Header, "X-Site", "blog", "Purser-Error", "stopped")
	expectHeader(t, res.Header, "Cache-Control", "no-store", "Content-Type", "text/html; charset=utf-8") // as the page is not to be kept
}

func TestSecurityFieldsAreAddedWhereTheAppHasNone(t *testing.T) {
	f := newFront(t, answering("HTTP/1.1 200 OK\r\nX-FRAME-OPTIONS: DENY\r\nContent-Length: 0\r\n\r\n"), withHeaders(conf.Headers{
		Security: true, Set: []conf.HeaderLine{{Name: "referrer-policy", Value: "no-referrer"}}, Remove: []string{"cross-origin-opener-policy"},
	}))
	res, _ := f.dial().fetch("GET", "/")
	expectHeader(t, res.Header, "X-Frame-Options", "DENY", "X-Content-Type-Options", "nosniff", "Referrer-Policy", "no-referrer", "Cross-Origin-Opener-Policy", "")
}

func TestAppIsToldWhatIsSetAndNotWhatIsRemoved(t *testing.T) {
	f := newFront(t, mirror, withHeaders(conf.Headers{
		RequestSet:    []conf.HeaderLine{{Name: "X-Tier", Value: "gold"}, {Name: "Accept-Language", Value: "de"}},
		RequestRemove: []string{"authorization"},
	}))
	c := f.dial()
	for range 2 { // the second has none of the first
		h := c.asked("Host: a", "X-Tier: admin", "x-tier: root", "Authorization: Basic eDp5", "Accept-Language: fr", "Accept: */*")
		expectHeader(t, h, "X-Tier", "gold", "Accept-Language", "de", "Authorization", "", "Accept", "*/*")
	}
	f.change(func(c *Config) { c.Apps[0].Headers = conf.Headers{} })
	expectHeader(t, c.asked("Host: a", "Authorization: Basic eDp5"), "X-Tier", "", "Authorization", "Basic eDp5")
}

func TestUpgradeHasTheFieldsThatAreSet(t *testing.T) {
	f := newFront(t, switching, withHeaders(conf.Headers{Set: []conf.HeaderLine{{Name: "X-Site", Value: "blog"}}, Remove: []string{"X-Powered-By"}}))
	c := f.dial()
	c.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	c.awaits("\r\n\r\n")
	head, _ := c.Peek(c.Buffered())
	if got := string(head); !strings.HasPrefix(got, "HTTP/1.1 101") || !strings.Contains(got, "X-Site: blog\r\n") || strings.Contains(got, "X-Powered-By") {
		t.Errorf("got %q", got)
	}
}

// TestAnswersAreCompressedByTheFieldsThatGoOut: a cache would give what is compressed to who takes it as it is, if the
// Vary that is set had the place of the one that says so.
func TestAnswersAreCompressedByTheFieldsThatGoOut(t *testing.T) {
	set := func(name, value string) func(*conf.Server, *conf.App) {
		return withHeaders(conf.Headers{Set: []conf.HeaderLine{{Name: name, Value: value}}})
	}
	html, none := withLength("Content-Type: text/html", longPage), withLength("X-A: b", longPage)
	for name, c := range map[string]struct {
		change         func(*conf.Server, *conf.App)
		answer         string
		encoding, vary string
	}{
		"Vary is set":       {set("Vary", "Cookie"), html, "gzip", "Cookie, Accept-Encoding"},
		"Vary is removed":   {withHeaders(conf.Headers{Remove: []string{"vary"}}), html, "gzip", "Accept-Encoding"},
		"no-transform":      {set("Cache-Control", "no-transform"), html, "", ""},
		"a type is given":   {set("Content-Type", "text/plain"), none, "gzip", "Accept-Encoding"},
		"a type is removed": {withHeaders(conf.Headers{Remove: []string{"content-type"}}), html, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, answering(c.answer), all(compressing("gzip"), c.change))
			res, _ := f.dial().takes("gzip", "GET", "/")
			expectHeader(t, res.Header, "Content-Encoding", c.encoding, "Vary", c.vary)
		})
	}
}

// A page of ours says itself how it is to be kept, also if it is compressed.
func TestCompressedPageOfOursHasNoFieldTwice(t *testing.T) {
	f := newFront(t, hello, all(compressing("gzip"), withHeaders(conf.Headers{Set: []conf.HeaderLine{{Name: "Cache-Control", Value: "public"}, {Name: "Content-Type", Value: "text/x-mine"}}})))
	f.change(func(c *Config) {
		c.Apps[0].Compress.MinSize = 1
		c.Stopped = map[string]bool{"app": true}
	})
	res, _ := f.dial().takes("gzip", "GET", "/")
	expectHeader(t, res.Header, "Content-Encoding", "gzip", "Cache-Control", "no-store", "Content-Type", "text/html; charset=utf-8")
}

// What an exchange adds must not come to lie in memory that the next one of another client writes to.
func TestFieldsAreAddedInNoMemoryOfOthers(t *testing.T) {
	x := &exchange{site: &site{hsts: hstsField(conf.TLS{HSTS: 60e9})}}
	x.origin.peer = &client.Peer{Secure: true}
	others := make([]wire.Field, 1, 4)
	head := wire.ResponseHead{Added: others}
	x.addHSTS(&head)
	if len(head.Added) != 2 || others[:2][1].Name != nil || &x.added[0] == &others[0] {
		t.Errorf("added are %v, in the other's memory is %v", head.Added, others[:2])
	}
	x.addHSTS(&head)
	if len(head.Added) != 2 {
		t.Errorf("it is added twice: %v", head.Added)
	}
}

// switching is an app that takes the handshake of RFC 6455 section 1.3.
func switching(_ testing.TB, c *appConn) {
	if head, _ := c.request(); head != "" {
		c.send("HTTP/1.1 101 Switching Protocols\r\nX-Powered-By: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	}
}
