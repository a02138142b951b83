package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
	"purser/proxy/wire"
)

// askedFor is an app that says what it was asked for.
func askedFor(_ testing.TB, c *appConn) {
	for {
		head, _ := c.request()
		if head == "" {
			return
		}
		line, _, _ := strings.Cut(head, " HTTP/1.1")
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(line), line)
	}
}

func withRedirects(all ...conf.Redirect) func(*conf.Server, *conf.App) {
	return func(_ *conf.Server, a *conf.App) { a.Redirects = all }
}

func TestVisitorsAreSentOnByTheFirstRedirectThatMatches(t *testing.T) {
	c := newFront(t, askedFor, withRedirects(
		conf.Redirect{From: "/old", To: "/new", Status: 301},
		conf.Redirect{From: "/blog/special", To: "/special", Status: 302},
		conf.Redirect{From: "/blog/*", To: "/posts/$1", Status: 308},
		conf.Redirect{From: "/blog/never", To: "/never", Status: 302},
		conf.Redirect{From: "/users/*/edit", To: "https://admin.example.org/$1/$1", Status: 307},
		conf.Redirect{From: "/find/*", To: "/search?q=$1&from=old", Status: 303},
		conf.Redirect{From: "/part", To: "/page#part", Status: 301},
		conf.Redirect{From: "/anchor/*", To: "https://example.org/page#$1", Status: 301},
	)).dial()
	for target, want := range map[string]string{
		"/anchor/top?x":       "301 https://example.org/page?x#top",
		"/old":                "301 /new",
		"/old?a=1&b=%20":      "301 /new?a=1&b=%20",
		"/%6fld":              "301 /new",
		"/x/../old":           "301 /new",
		"//old":               "301 /new",
		"/old/":               "200 ",
		"/Old":                "200 ",
		"/blog/special":       "302 /special",
		"/blog/":              "308 /posts/",
		"/blog/a/b%20c?x":     "308 /posts/a/b%20c?x",
		"/blog/never":         "308 /posts/never",
		"/blog":               "200 ",
		"/users/ann/edit":     "307 https://admin.example.org/ann/ann",
		"/users/edit":         "200 ",
		"/find/a&admin=1;b+c": "303 /search?q=a%26admin%3D1%3Bb%2Bc&from=old",
		"/find/a?b":           "303 /search?q=a&from=old",
		"/part?x=1":           "301 /page?x=1#part",
	} {
		if got := sentTo(c, "GET", target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// sentTo is the status of an answer, and where it sends the visitor.
func sentTo(c *visitor, method, target string, lines ...string) string {
	res, _ := c.fetch(method, target, lines...)
	if by := res.Header.Get("Purser-Redirect"); (by == "redirects") != (res.Header.Get("Location") != "") {
		c.t.Errorf("%s: who redirects is said to be %q", target, by)
	}
	return res.Status[:3] + " " + res.Header.Get("Location")
}

func TestNoRedirectLeadsToAHostThatTheVisitorNames(t *testing.T) {
	c := newFront(t, askedFor, withRedirects(
		conf.Redirect{From: "/any*", To: "/$1", Status: 301},
		conf.Redirect{From: "/in/*", To: "/$1", Status: 301},
		conf.Redirect{From: "/host*", To: "https://example.org/$1", Status: 301},
	)).dial()
	for target, want := range map[string]string{
		"/any/evil.org":          "301 /evil.org",
		"/any//evil.org":         "301 /evil.org",
		`/any\evil.org`:          "301 /%5Cevil.org",
		`/any/\evil.org`:         "301 /%5Cevil.org",
		`/in/\/evil.org`:         "301 /%5C/evil.org",
		"/in///evil.org":         "301 /evil.org",
		"/in/%2Fevil.org":        "301 /%2Fevil.org",
		"/in/%5cevil.org":        "301 /%5Cevil.org",
		"/in/a%0d%0aX-Evil:%201": "301 /a%0D%0AX-Evil:%201",
		"/host.evil.org":         "301 https://example.org/.evil.org",
		"/host@evil.org":         "301 https://example.org/@evil.org",
	} {
		if got := sentTo(c, "GET", target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestWhatIsRewrittenIsWhatAppAndFilesAreAskedFor(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	root := t.TempDir()
	put(t, filepath.Join(root, "public"), "img/logo.svg", "<svg/>")
	f := newFront(t, askedFor, func(s *conf.Server, a *conf.App) {
		s.AccessLog, a.Root, a.Public = log, root, "public"
		a.Redirects = []conf.Redirect{
			{From: "/v1/*", To: "/api/$1", Status: 301, Rewrite: true},
			{From: "/p/*", To: "/product?id=$1", Status: 301, Rewrite: true},
			{From: "/logo", To: "/img/logo.svg", Status: 301, Rewrite: true},
			{From: "/up*", To: "/$1", Status: 301, Rewrite: true},
			{From: "/api/*", To: "/loop/$1", Status: 301},
		}
	})
	for target, want := range map[string]string{
		"/v1/users?page=2": "200 GET /api/users?page=2",
		"/v1/a%20b":        "200 GET /api/a%20b",
		"/v1/%2e%2E":       "200 GET /v1/%2e%2E", // which is none of these
		"/p/a&b?c":         "200 GET /product?id=a%26b",
		"/logo?v=1":        "200 <svg/>",
		"/up..":            "400 ",
		"/upx/.y":          "200 GET /x/.y",
	} {
		res, body := f.dial().fetch("GET", target)
		if res.StatusCode != http.StatusOK {
			body = ""
		}
		if got := res.Status[:3] + " " + body; got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), `"GET /v1/users?page=2 HTTP/1.1" 200`) || strings.Contains(string(text), "/api/users") {
		t.Errorf("the log does not say what was asked for: %s %v", text, err)
	}
}

func TestRewrittenPathStaysInItsApp(t *testing.T) {
	c := newFront(t, askedFor, func(_ *conf.Server, a *conf.App) {
		a.Path = "/shop"
		a.Public = "public"
		a.Redirects = []conf.Redirect{{From: "/shop/old*", To: "/shop/$1", Status: 301, Rewrite: true}}
	}).dial()
	for target, want := range map[string]string{"/shop/oldx": "200 ", "/shop/old..": "404 ", "/shop/old../evil": "404 "} {
		if got := sentTo(c, "GET", target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestVisitorsOfAllHostsAreSentToTheCanonicalOne(t *testing.T) {
	f := newFront(t, askedFor, all(trusting, func(_ *conf.Server, a *conf.App) {
		a.Hosts, a.Canonical = []string{"example.org", "www.example.org"}, "www.example.org"
	}))
	for _, c := range []struct{ method, host, further, want string }{
		{"GET", "example.org", "", "301 http://www.example.org/a?b=c"},
		{"HEAD", "Example.ORG.", "", "301 http://www.example.org/a?b=c"},
		{"DELETE", "example.org:8080", "", "308 http://www.example.org:8080/a?b=c"},
		{"GET", "example.org", "X-Forwarded-Proto: https", "301 https://www.example.org/a?b=c"},
		{"GET", "www.example.org", "X-Forwarded-Host: example.org", "301 http://www.example.org/a?b=c"},
		{"GET", "example.org", "X-Forwarded-Host: www.example.org", "200 "},
		{"GET", "WWW.example.org:3000", "", "200 "},
	} {
		v := f.dial()
		lines := "Host: " + c.host + "\r\n"
		if c.further != "" {
			lines += c.further + "\r\n"
		}
		v.send("%s /a?b=c HTTP/1.1\r\n%s\r\n", c.method, lines)
		res, _ := v.answer(c.method)
		if got := res.Status[:3] + " " + res.Header.Get("Location"); got != c.want {
			t.Errorf("%s of %s %s: %s, want %s", c.method, c.host, c.further, got, c.want)
		}
		if by := res.Header.Get("Purser-Redirect"); by != "canonical" && res.StatusCode != 200 {
			t.Errorf("who redirects is said to be %q", by)
		}
	}
}

// Browsers want to be sent to https by the host that they have asked for, before they believe what that says of it
// (RFC 6797 section 7.2).
func TestHTTPSComesBeforeTheCanonicalHost(t *testing.T) {
	f, clear := newSecureFront(t, func(_ *conf.Server, a *conf.App) {
		a.Hosts, a.Canonical, a.TLS.Redirect = []string{"example.com", "www.example.com"}, "www.example.com", true
	})
	for _, c := range []struct {
		v          *visitor
		host, want string
	}{
		{clear(), "example.com", "308 https://example.com:8443/a"},
		{f.dial(), "example.com:8443", "301 https://www.example.com:8443/a"},
		{f.dial(), "example.com", "301 https://www.example.com/a"},
		{f.dial(), "www.example.com", "200 "},
	} {
		c.v.send("GET /a HTTP/1.1\r\nHost: %s\r\n\r\n", c.host)
		res, _ := c.v.answer("GET")
		if got := res.Status[:3] + " " + res.Header.Get("Location"); got != c.want {
			t.Errorf("%s: %s, want %s", c.host, got, c.want)
		}
	}
}

func TestAuthoritysProofIsNotSentToTheCanonicalHost(t *testing.T) {
	f := newFront(t, askedFor, func(_ *conf.Server, a *conf.App) {
		a.Hosts, a.Canonical = []string{"a", "www.a"}, "www.a"
	})
	if got := sentTo(f.dial(), "GET", "/.well-known/acme-challenge/token"); got != "200 " {
		t.Error(got)
	}
}

// Whatever a visitor asks for, he is sent to a path here, or to the host that is written in the configuration.
func FuzzRedirect(f *testing.F) {
	rules := newRedirects([]conf.Redirect{
		{From: "/host*", To: "https://example.org/$1", Status: 301},
		{From: "/q/*", To: "/search?q=$1", Status: 301},
		{From: "/*/end", To: "/$1", Status: 301},
		{From: "/*", To: "/$1", Status: 301},
	})
	for _, target := range []string{"/host.evil.org", `/\evil.org`, "//evil.org", "/q/a&b=c", "/%2Fevil.org?x", `/x/\/evil.org/end`, "/a%0d%0ab"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		var r wire.Request
		if r.Parse([]byte("GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")) != nil {
			return
		}
		path, err := normalPath(nil, &r)
		if err != nil {
			return
		}
		found, captured := rules.find(path)
		if found == nil {
			return
		}
		got := string(found.target(captured, queryOf(&r)))
		here := strings.HasPrefix(got, "/") && (len(got) == 1 || got[1] != '/' && got[1] != '\\')
		if !here && !strings.HasPrefix(got, "https://example.org/") {
			t.Errorf("%q leads to %q", target, got)
		}
		if strings.ContainsFunc(got, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			t.Errorf("%q makes the field %q", target, got)
		}
		if found.From == "/q/*" && strings.Count(got, "&") > 0 {
			t.Errorf("%q adds a parameter: %q", target, got)
		}
	})
}
