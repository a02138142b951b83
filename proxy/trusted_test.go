package proxy

import (
	"net/http"
	"strings"
	"testing"

	"purser/conf"
)

func TestPeerOnAUnixSocketIsBelievedIfItIsToBe(t *testing.T) {
	dial := newFrontOn(t, trustingUnix)
	expectHeader(t, dial().asked("Host: shop.example", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Request-ID: abc-1"),
		"X-Forwarded-For", "192.0.2.7", "X-Real-Ip", "192.0.2.7", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443",
		"X-Forwarded-Host", "shop.example", "X-Request-Id", "abc-1")
}

func TestPeerOnAUnixSocketIsAStrangerUnlessItIsToBeBelieved(t *testing.T) {
	dial := newFrontOn(t, trusting) // addresses only
	h := dial().asked("Host: shop.example", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Real-IP: 192.0.2.7", "X-Request-ID: abc-1")
	expectHeader(t, h, "X-Forwarded-For", "", "X-Real-Ip", "", "X-Forwarded-Proto", "http", "X-Forwarded-Port", "80", "X-Forwarded-Host", "shop.example")
	if h.Get("X-Request-Id") == "abc-1" {
		t.Error("a stranger has named its request")
	}
}

func TestTrustOfUnixSocketsIsNoneOfAddresses(t *testing.T) {
	c := newFront(t, mirror, trustingUnix).dial()
	expectHeader(t, c.asked("Host: a", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"), "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http")
}

// nginx writes "unix:" into X-Forwarded-For for who connects to it over a unix socket.
func TestUnixIsNoAddress(t *testing.T) {
	for name, c := range map[string]struct{ said, path, client string }{
		"alone":            {"unix:", "", ""},
		"the last proxy":   {"192.0.2.7, unix:", "192.0.2.7", "192.0.2.7"},
		"one in between":   {"192.0.2.7, unix:, 10.0.0.1", "192.0.2.7, 10.0.0.1", "192.0.2.7"},
		"before a client":  {"unix:, 192.0.2.7", "192.0.2.7", "192.0.2.7"},
		"in several lines": {"192.0.2.7\r\nX-Forwarded-For: unix:", "192.0.2.7", "192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFrontOn(t, all(trusting, trustingUnix))().asked("Host: a", "X-Forwarded-For: "+c.said)
			expectHeader(t, h, "X-Forwarded-For", c.path, "X-Real-Ip", c.client)
		})
	}
	t.Run("what it says is no proof where it is not trusted", func(t *testing.T) {
		h := newFront(t, mirror, trusting).dial().asked("Host: a", "X-Forwarded-For: 192.0.2.7, unix:, 10.0.0.1")
		expectHeader(t, h, "X-Forwarded-For", "10.0.0.1, 127.0.0.1", "X-Real-Ip", "10.0.0.1")
	})
}

func TestAddressesOfTrustedProxiesHaveManyForms(t *testing.T) {
	for said, want := range map[string]string{
		"192.0.2.7":                        "192.0.2.7",
		"192.0.2.7:5678":                   "192.0.2.7",
		"[2001:db8::1]:443":                "2001:db8::1",
		"[2001:db8::1]":                    "2001:db8::1",
		"2001:DB8:0::1":                    "2001:db8::1",
		"::ffff:192.0.2.7":                 "192.0.2.7",
		"[::ffff:192.0.2.7]:1":             "192.0.2.7",
		"192.0.2.9, 192.0.2.7":             "192.0.2.7",
		"192.0.2.7,10.0.0.2:80,\t10.0.0.1": "192.0.2.7",
		"192.0.2.7, , 10.0.0.1,":           "192.0.2.7", // RFC 9110 section 5.6.1.2
		"10.0.0.2, 10.0.0.1":               "10.0.0.2",  // all are trusted: it came from the first
		"192.0.2.7, unknown":               "127.0.0.1", // the last that is certain
		"192.0.2.7, _hidden, 10.0.0.1":     "10.0.0.1",
		"fe80::1%eth0":                     "127.0.0.1",
		"[fe80::1%eth0]:443":               "127.0.0.1",
		"192.0.2.7:port":                   "127.0.0.1",
		"192.0.2.7:99999":                  "127.0.0.1",
		"[192.0.2.7]":                      "127.0.0.1",
		"192.0.2.07":                       "127.0.0.1",
		strings.Repeat("1", 4000):          "127.0.0.1",
	} {
		h := newFront(t, mirror, trusting).dial().asked("Host: a", "X-Forwarded-For: "+said)
		if got := h.Get("X-Real-Ip"); got != want {
			t.Errorf("%.60q: X-Real-IP is %q, want %q", said, got, want)
		}
	}
}

func TestTrustedProxyThatOnlySaysXRealIPIsBelieved(t *testing.T) {
	c := newFront(t, mirror, trusting).dial()
	expectHeader(t, c.asked("Host: a", "X-Real-IP: 192.0.2.7"), "X-Real-Ip", "192.0.2.7", "X-Forwarded-For", "192.0.2.7, 127.0.0.1")
	expectHeader(t, c.asked("Host: a", "X-Real-IP: 6.6.6.6", "X-Forwarded-For: 192.0.2.7"), "X-Real-Ip", "192.0.2.7", "X-Forwarded-For", "192.0.2.7, 127.0.0.1")
	expectHeader(t, c.asked("Host: a", "X-Real-IP: fe80::1%eth0"), "X-Real-Ip", "127.0.0.1", "X-Forwarded-For", "127.0.0.1")
}

func TestSchemeHostAndPortAreThoseThatTheClientSaw(t *testing.T) {
	for _, c := range []struct{ name, lines, scheme, host, port string }{
		{"nothing said", "Host: a", "http", "a", "80"},
		{"a port in Host", "Host: a:8080", "http", "a:8080", "8080"},
		{"an empty port", "Host: a:", "http", "a:", "80"},
		{"https alone", "Host: a\r\nX-Forwarded-Proto: https", "https", "a", "443"},
		{"https and a port in Host", "Host: a:8443\r\nX-Forwarded-Proto: https", "https", "a:8443", "8443"},
		{"an empty scheme", "Host: a\r\nX-Forwarded-Proto:", "http", "a", "80"},
		{"no scheme at all", "Host: a\r\nX-Forwarded-Proto: <b>", "http", "a", "80"},
		{"the host that it was asked for", "Host: inner:3000\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: https", "https", "a", "443"},
		{"and its port", "Host: inner:3000\r\nX-Forwarded-Host: a:8443\r\nX-Forwarded-Proto: https", "https", "a:8443", "8443"},
		{"an address", "Host: [::1]\r\nX-Forwarded-Proto: https", "https", "[::1]", "443"},
		{"a port of its own", "Host: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443", "https", "a", "8443"},
		{"no port at all", "Host: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: x", "https", "a", "443"},
		{"an empty host", "Host: a:81\r\nX-Forwarded-Host:", "http", "a:81", "81"},
		{"no host at all", "Host: a:81\r\nX-Forwarded-Host: a/b", "http", "a:81", "81"},
		{"two proxies", "Host: in\r\nX-Forwarded-Proto: https, http\r\nX-Forwarded-Host: a:8443, in\r\nX-Forwarded-Port: 8443, 80", "https", "a:8443", "8443"},
		{"two proxies, without a port", "Host: in\r\nX-Forwarded-Proto: https,http\r\nX-Forwarded-Host: a, in:80", "https", "a", "443"},
		{"a WebSocket", "Host: a\r\nX-Forwarded-Proto: wss", "wss", "a", "443"},
		{"an older name", "Host: a\r\nX-Forwarded-Scheme: https", "https", "a", "443"},
		{"another", "Host: a\r\nX-Forwarded-Ssl: on", "https", "a", "443"},
		{"another that says no", "Host: a\r\nX-Forwarded-Ssl: off", "http", "a", "80"},
		{"the usual name wins", "Host: a\r\nX-Forwarded-Scheme: https\r\nX-Forwarded-Proto: http", "http", "a", "80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFront(t, mirror, trusting).dial().asked(c.lines)
			expectHeader(t, h, "X-Forwarded-Proto", c.scheme, "X-Forwarded-Host", c.host, "X-Forwarded-Port", c.port)
		})
	}
}

func TestStrangersSayNothingAboutThemselves(t *testing.T) {
	h := newFront(t, mirror, nil).dial().asked("Host: a:8080", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
		"X-Forwarded-Port: 1", "X-Real-IP: 6.6.6.6", "X-Forwarded-Ssl: on", "X-Forwarded-Scheme: https", "X-Forwarded-Prefix: /evil", "Forwarded: for=6.6.6.6")
	expectHeader(t, h, "X-Forwarded-For", "127.0.0.1", "X-Real-Ip", "127.0.0.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "a:8080",
		"X-Forwarded-Port", "8080", "X-Forwarded-Ssl", "", "X-Forwarded-Scheme", "", "X-Forwarded-Prefix", "", "Forwarded", "")
}

// newFrontOn starts a front on a unix socket with a mirror behind it, and returns how to connect to it.
func newFrontOn(t *testing.T, change change) (dial func() *visitor) {
	t.Helper()
	return newFront(t, mirror, change).unixSocket()
}

func TestRequestHasOneIDInTheAppTheLogAndThePage(t *testing.T) {
	told := make(chan http.Header, 1)
	f, log := newLogged(t, "json", hearing(told), trusting)
	said := map[string]bool{ // and whether it is believed
		"8f14e45f-ceea-467f-a0e6": true, strings.Repeat("a", longestID): true, strings.Repeat("a", longestID+1): false,
		"a b": false, `a"b`: false, "a\xc3\xa9": false, "": false,
	}
	pages := map[any]bool{}
	for id, believed := range said {
		c := f.dial()
		c.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: %s\r\n\r\n", id)
		page := c.expectFailure("GET", 502, "bad_response").Header.Get("X-Request-Id")
		expectHeader(t, <-told, "X-Request-Id", page)
		if believed != (page == id) || page == "" {
			t.Errorf("%q is known as %q", id, page)
		}
		f.expectLog("request-id=" + page)
		pages[page] = true
	}
	for range said {
		if id := log.line()["request_id"]; !pages[id] {
			t.Errorf("the access log has %v, and no page", id)
		}
	}
}

func TestStrangerDoesNotNameItsRequest(t *testing.T) {
	c := newFront(t, mirror, nil).dial()
	first, second := c.asked("Host: a", "X-Request-ID: mine").Get("X-Request-Id"), c.asked("Host: a", "X-Request-ID: mine").Get("X-Request-Id")
	if first == "mine" || len(first) != 32 || first == second {
		t.Errorf("two requests are known as %q and %q", first, second)
	}
}

// hearing is an app that hands on what it was told, and speaks no HTTP.
func hearing(told chan<- http.Header) script {
	return func(_ testing.TB, c *appConn) {
		r, err := http.ReadRequest(c.Reader)
		if err != nil {
			return
		}
		told <- r.Header
		c.send("what?\r\n\r\n")
	}
}

// A proxy keeps its connections for days: that it is believed must end with the configuration that said so.
func TestWhoIsTrustedChangesOnOpenConnections(t *testing.T) {
	f := newFront(t, mirror, trusting)
	c := f.dial()
	configure := func(change change) {
		next := f.config
		change(&next.Server, nil)
		f.server.Change(next)
	}
	for range 2 {
		expectHeader(t, c.asked("Host: a", "X-Forwarded-For: 192.0.2.1"), "X-Forwarded-For", "192.0.2.1, 127.0.0.1")
		configure(func(s *conf.Server, _ *conf.App) { s.TrustedProxies = nil })
		expectHeader(t, c.asked("Host: a", "X-Forwarded-For: 192.0.2.1"), "X-Forwarded-For", "127.0.0.1")
		configure(trusting)
	}
}
