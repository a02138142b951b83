package client

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	fromShop  = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"
	fromShop6 = "PROXY TCP6 2001:db8::7 2001:db8::1 40000 8443\r\n"
)

// proxied are connections whose peers are balancers.
func proxied(t *testing.T, a answer) (*harness, *refusals) {
	t.Helper()
	return proxiedOn(t, "tcp", "127.0.0.1:0", a)
}

func proxiedOn(t *testing.T, network, address string, a answer) (*harness, *refusals) {
	t.Helper()
	r := &refusals{}
	return openWith(t, network, address, a, func(c *Config) {
		c.ProxyProtocol, c.ProxyUnix, c.Refused = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true, r.add
		c.Trusted, c.TrustUnix = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("203.0.113.0/24")}, true
	}), r
}

// refusals are what was told of connections that were refused.
type refusals struct {
	mu  sync.Mutex
	why []error
}

func (r *refusals) add(_ *Peer, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = append(r.why, why)
}

func (r *refusals) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.why)
}

// whoIs answers with what is known of the peer.
func whoIs(c Call, bad error) {
	refusing(func(c Call, _ error) {
		p := c.Peer()
		give(c, 200, fmt.Sprintf("%s %s trusted=%v secure=%v", p.Text, p.Port, p.Trusted, p.Secure))
	})(c, bad)
}

// v2 is a header of version 2.
func v2(command byte, family byte, rest string) string {
	return string(proxyproto.SIGV2) + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	v2Local, v2Proxy = 0x20, 0x21
	addresses4       = "\xc0\x00\x02\x07\xc6\x33\x64\x01\x9c\x40\x01\xbb" // as fromShop
	overTLS          = "\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
	inClear          = "\x20\x00\x05\x00\x00\x00\x00\x00"
)

var unixAddresses = strings.Repeat("/run/balancer.sock"+strings.Repeat("\x00", 90), 2)

// addresses6 maps the address of the client into IPv6.
var addresses6 = strings.Repeat("\x00", 10) + "\xff\xff\xc0\x00\x02\x07" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\x9c\x40\x01\xbb"

func TestPeerIsTheClientThatTheBalancerNames(t *testing.T) {
	h, refused := proxied(t, whoIs)
	_, port, _ := net.SplitHostPort(h.l.Addr().String())
	for name, c := range map[string]struct{ header, peer string }{
		"v1":                             {fromShop, "192.0.2.7 443 trusted=false secure=false"},
		"v1, IPv6":                       {fromShop6, "2001:db8::7 8443 trusted=false secure=false"},
		"v1, as long as can be":          {"PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\n", strings.Repeat("ffff:", 7) + "ffff 65535 trusted=false secure=false"},
		"v1, a client that is trusted":   {"PROXY TCP4 203.0.113.9 198.51.100.1 1 80\r\n", "203.0.113.9 80 trusted=true secure=false"},
		"v1, IPv4 in IPv6":               {"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 40000 443\r\n", "192.0.2.7 443 trusted=false secure=false"},
		"v1, IPv4 as IPv6":               {"PROXY TCP6 192.0.2.7 198.51.100.1 40000 443\r\n", "192.0.2.7 443 trusted=false secure=false"},
		"v1, IPv6 by IPv4":               {"PROXY TCP6 2001:db8::7 198.51.100.1 40000 443\r\n", "2001:db8::7 443 trusted=false secure=false"},
		"v1, IPv4 by IPv6":               {"PROXY TCP4 192.0.2.7 2001:db8::1 40000 443\r\n", "192.0.2.7 443 trusted=false secure=false"},
		"v1, IPv4 that is trusted":       {"PROXY TCP6 203.0.113.9 2001:db8::1 1 80\r\n", "203.0.113.9 80 trusted=true secure=false"},
		"v1, unknown":                    {"PROXY UNKNOWN\r\n", "127.0.0.1 " + port + " trusted=false secure=false"},
		"v1, unknown with more":          {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1 " + port + " trusted=false secure=false"},
		"v2":                             {v2(v2Proxy, 0x11, addresses4), "192.0.2.7 443 trusted=false secure=false"},
		"v2, IPv4 in IPv6":               {v2(v2Proxy, 0x21, addresses6), "192.0.2.7 443 trusted=false secure=false"},
		"v2, a client over TLS":          {v2(v2Proxy, 0x11, addresses4+"\x04\x00\x01\x00"+overTLS), "192.0.2.7 443 trusted=false secure=true"},
		"v2, a client in clear":          {v2(v2Proxy, 0x11, addresses4+inClear), "192.0.2.7 443 trusted=false secure=false"},
		"v2, additions that are broken":  {v2(v2Proxy, 0x11, addresses4+"\x20\x00\xff\x01"), "192.0.2.7 443 trusted=false secure=false"},
		"v2, as long as may be":          {v2(v2Proxy, 0x11, addresses4+"\x04\x0f\xf1"+strings.Repeat("x", 4<<10-15)), "192.0.2.7 443 trusted=false secure=false"},
		"v2, a check of the balancer's":  {v2(v2Local, 0x00, ""), "127.0.0.1 " + port + " trusted=true secure=false"},
		"v2, a check with an address":    {v2(v2Local, 0x11, addresses4), "127.0.0.1 " + port + " trusted=true secure=false"},
		"v2, a check with anything else": {v2(v2Local, 0x11, "xyz"), "127.0.0.1 " + port + " trusted=true secure=false"},
		"v2, a client over unix":         {v2(v2Proxy, 0x31, unixAddresses), "127.0.0.1 " + port + " trusted=false secure=false"},
		"v2, unspecified":                {v2(v2Proxy, 0x00, ""), "127.0.0.1 " + port + " trusted=false secure=false"},
		"v2, unspecified, over TLS":      {v2(v2Proxy, 0x00, overTLS), "127.0.0.1 " + port + " trusted=false secure=true"},
	} {
		t.Run(name, func(t *testing.T) {
			g := h.dial().send("%s%s", c.header, getting("/"))
			g.t = t
			g.expect(200, c.peer)
			for range 5 { // on the same connection
				g.send("%s", getting("/")).expect(200, c.peer)
			}
		})
	}
	if n := refused.count(); n > 0 {
		t.Errorf("%d were refused: %v", n, refused.why)
	}
}

func TestConnectionWithoutAProperHeaderIsRefused(t *testing.T) {
	h, refused := proxied(t, whoIs)
	for name, sent := range map[string]string{
		"a request":                       getting("/"),
		"almost v1":                       "PROXY: no\r\n" + getting("/"),
		"almost v2":                       "\r\n\r\n\x00\r\nQUIX\n" + getting("/"),
		"TLS":                             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"v1, another first word":          "PROXYX TCP4 192.0.2.7 198.51.100.1 1 2\r\n" + getting("/"),
		"v1, without CR":                  "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n" + getting("/"),
		"v1, without an end":              "PROXY TCP4 " + strings.Repeat("1", 200),
		"v1, no address":                  "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n" + getting("/"),
		"v1, an address that is octal":    "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n" + getting("/"),
		"v1, IPv6 as IPv4":                "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n" + getting("/"),
		"v1, a zone":                      "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n" + getting("/"),
		"v1, a host":                      "PROXY TCP4 localhost 198.51.100.1 1 2\r\n" + getting("/"),
		"v1, no port":                     "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n" + getting("/"),
		"v1, two spaces":                  "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n" + getting("/"),
		"v1, too few words":               "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n" + getting("/"),
		"v1, too many words":              "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n" + getting("/"),
		"v1, another protocol":            "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n" + getting("/"),
		"v2, another version":             v2(0x31, 0x11, addresses4) + getting("/"),
		"v2, another command":             v2(0x22, 0x11, addresses4) + getting("/"),
		"v2, another family":              v2(v2Proxy, 0x41, addresses4) + getting("/"),
		"v2, another transport":           v2(v2Proxy, 0x13, addresses4) + getting("/"),
		"v2, too short for its addresses": v2(v2Proxy, 0x11, addresses4[:11]) + getting("/"),
		"v2, longer than may be":          v2(v2Proxy, 0x11, addresses4+strings.Repeat("x", 4<<10)) + getting("/"),
	} {
		t.Run(name, func(t *testing.T) {
			before := refused.count()
			g := h.dialClear()
			g.t = t
			g.send("%s", sent).expectNothing()
			h.until("that is told", func() bool { return refused.count() == before+1 })
		})
	}
	if n := h.conns.Unannounced(); n != int64(refused.count()) {
		t.Errorf("%d are counted, and %d told", n, refused.count())
	}
}

func TestHeaderMayComeByteByByte(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		h, _ := proxiedOn(t, network, address, whoIs)
		for _, header := range []string{fromShop, v2(v2Proxy, 0x11, addresses4+overTLS+"\x04\x00\xc8"+strings.Repeat("x", 200))} {
			g := h.dial()
			for _, b := range []byte(header) {
				_, _ = g.Conn.Write([]byte{b})
			}
			g.send("%s", getting("/")).expect(200, fmt.Sprintf("192.0.2.7 443 trusted=false secure=%v", header != fromShop))
		}
	}
}

func TestHeaderThatIsCutIsRefused(t *testing.T) {
	h, refused := proxied(t, whoIs)
	for i, header := range []string{"P", fromShop[:20], v2(v2Proxy, 0x11, addresses4)[:20]} {
		g := h.dial().send("%s", header)
		_ = g.Conn.(*net.TCPConn).CloseWrite()
		g.expectNothing()
		h.until("that is told", func() bool { return refused.count() == i+1 })
	}
}

// A balancer looks whether somebody listens, and says nothing of it.
func TestWhoSaysNothingIsNotComplainedOf(t *testing.T) {
	h, refused := proxied(t, whoIs)
	_ = h.dial().Conn.Close()
	h.dial().send("%s%s", fromShop, getting("/")).expect(200, "192.0.2.7 443 trusted=false secure=false")
	h.until("the first has ended", func() bool { return h.count() == 1 })
	if refused.count() > 0 {
		t.Errorf("it was complained of: %v", refused.why)
	}
}

func TestHeaderMustComeInTime(t *testing.T) {
	h, refused := proxied(t, whoIs)
	for i, begun := range []string{"", "PROXY TCP4 "} {
		c := h.dial().send("%s", begun)
		h.await(expecting, 1)
		h.until("its time is over", func() bool { h.later(); return h.count() == 0 })
		c.expectNothing()
		h.until("that is told", func() bool { return refused.count() == i+1 })
	}
}

func TestStopDoesNotWaitForHeaders(t *testing.T) {
	h, refused := proxied(t, whoIs)
	c := h.dial().send("PROXY")
	h.await(expecting, 1)
	h.conns.Stop()
	c.expectNothing()
	if err := h.conns.Await(t.Context()); err != nil || refused.count() > 0 {
		t.Errorf("%v, %v", err, refused.why)
	}
}

func TestSlowHeaderGoesFirstWhereDescriptorsAreShort(t *testing.T) {
	h, _ := proxied(t, whoIs)
	slow := h.dial().send("PROXY")
	h.await(expecting, 1)
	h.conns.each(func(c *conn) { c.since.Add(-int64(2 * slowHead)) })
	if !h.conns.Shed() {
		t.Error("it makes no room")
	}
	slow.expectNothing()
}

func TestHeaderComesBeforeTLS(t *testing.T) {
	throughTLS = true
	defer func() { throughTLS = false }()
	h, _ := proxied(t, whoIs)
	for name, header := range map[string]string{"v1": fromShop, "v2": v2(v2Proxy, 0x11, addresses4)} {
		g := h.dialClear().send("%s", header)
		conn := tls.Client(g.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "example.com"})
		g.Conn, g.Reader = conn, nil
		if _, err := conn.Write([]byte(getting("/"))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		answer := make([]byte, 1024)
		n, err := conn.Read(answer)
		if want := "192.0.2.7 443 trusted=false secure=true"; err != nil || !strings.HasSuffix(string(answer[:n]), want) {
			t.Errorf("%s: got %q, %v; want %s", name, answer[:n], err, want)
		}
	}
}

func TestHeaderComesBeforeHTTP2(t *testing.T) {
	h, _ := proxied(t, whoIs)
	g := h.dial().send("%s", fromShop+"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	frame := make([]byte, 9)
	if _, err := g.Reader.Read(frame); err != nil || frame[3] != 4 {
		t.Errorf("got %v, %v; want SETTINGS", frame, err)
	}
}

func TestOverUnixTheHeaderNamesTheClient(t *testing.T) {
	h, _ := proxiedOn(t, "unix", filepath.Join(t.TempDir(), "s"), whoIs)
	h.dial().send("%s", fromShop+getting("/")).expect(200, "192.0.2.7 443 trusted=false secure=false")
	h.dial().send("%s", v2(v2Local, 0, "")+getting("/")).expect(200, "  trusted=true secure=false")
	h.dial().send("%s", "PROXY UNKNOWN\r\n"+getting("/")).expect(200, "  trusted=false secure=false")
}

func TestHeaderOfAStrangerIsNoRequest(t *testing.T) {
	h := open(t, whoIs)
	for _, header := range []string{fromShop, v2(v2Proxy, 0x11, addresses4)} {
		g := h.dial().send("%s", header+getting("/"))
		_ = g.SetDeadline(time.Now().Add(longWait))
		answer := make([]byte, 12)
		if _, err := g.Reader.Read(answer); err != nil || string(answer) != "HTTP/1.1 400" {
			t.Errorf("got %q, %v", answer, err)
		}
	}
}
