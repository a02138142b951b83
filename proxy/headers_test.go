package proxy

import (
	"strings"
	"testing"

	"purser/conf"
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

// switching is an app that takes the handshake of RFC 6455 section 1.3.
func switching(_ testing.TB, c *appConn) {
	if head, _ := c.request(); head != "" {
		c.send("HTTP/1.1 101 Switching Protocols\r\nX-Powered-By: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	}
}
