package front

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

// visitorAddr is where the visitors come from, so that they are told from the balancer.
const visitorAddr = "127.0.0.5"

// A balancer is HAProxy in front of a purser that it tells who its clients are.
type balancer struct {
	t         *testing.T
	purser    *harness.Purser
	authority *harness.Authority
	log       string // of purser's requests

	// Where its doors are: each passes connections on in another way.
	V1, V2, Passing, Ending, Claiming, Unix string
}

// haproxy passes connections on by TCP: with version 1, with version 2, TLS as it is, and TLS that ends here.
const haproxy = `
global
    maxconn 200
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend v1
    bind %[1]s
    default_backend v1
backend v1
    server purser %[6]s send-proxy
frontend v2
    bind %[2]s
    bind %[5]s
    default_backend v2
backend v2
    option httpchk GET /checked
    server purser %[6]s send-proxy-v2 check inter 100ms
frontend passing
    bind %[3]s
    default_backend passing
backend passing
    server purser %[7]s send-proxy-v2
frontend ending
    bind %[4]s ssl crt %[8]s alpn http/1.1
    default_backend ending
backend ending
    server purser %[6]s send-proxy-v2-ssl
`

func newBalancer(t *testing.T, keys ...string) *balancer {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Fatal("this test needs HAProxy: apt install haproxy")
	}
	a := harness.NewAuthority(t)
	a.Issue("server", year, "shop.example", "a", "127.0.0.1")
	app := harness.NewApp(t, "node")
	b := &balancer{t: t, authority: a, log: filepath.Join(a.Dir, "access.log"), V1: harness.FreeAddr(), V2: harness.FreeAddr(), Passing: harness.FreeAddr(),
		Ending: harness.FreeAddr(), Unix: filepath.Join(a.Dir, "balancer.sock")}
	config := fmt.Sprintf("[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\naccess_log = %q\naccess_log_format = \"json\"\nproxy_protocol = [\"127.0.0.1\"]\n%s\n",
		b.log, strings.Join(keys, "\n")) +
		tlsTable("server.tls", a, "server") + harness.AppTable("app", app.Dir, harness.Processes(1)) + "[apps.app.tls]\nredirect = false\n"
	b.purser = harness.Serve(t, harness.Options{Config: config})
	both := filepath.Join(a.Dir, "both.pem")
	var pem []byte
	for _, name := range []string{"server.pem", "server.key"} {
		part, err := os.ReadFile(filepath.Join(a.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, part...)
	}
	file := filepath.Join(a.Dir, "haproxy.cfg")
	text := fmt.Sprintf(haproxy, b.V1, b.V2, b.Passing, b.Ending, b.Unix, b.purser.Addr, b.purser.Secure, both)
	if err := cmp.Or(os.WriteFile(both, pem, 0o600), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	running, err := harness.StartProgram(exec.Command(program, "-db", "-f", file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = running.Stop(harness.Patience)
		if t.Failed() {
			t.Logf("HAProxy said:\n%s", running.Log.String())
		}
	})
	for network, addr := range map[string]string{"tcp": b.Ending, "unix": b.Unix} { // it opens one after the other
		harness.Eventually(t, harness.Patience, "HAProxy listens", func() bool {
			conn, err := net.Dial(network, addr)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return b
}

// dial connects to a door as a visitor.
func (b *balancer) dial(door string) *harness.Conn {
	b.t.Helper()
	return b.dialFrom(visitorAddr, door)
}

func (b *balancer) dialFrom(from, door string) *harness.Conn {
	b.t.Helper()
	d, network := net.Dialer{Timeout: harness.Patience}, "unix"
	if !filepath.IsAbs(door) {
		d.LocalAddr, network = &net.TCPAddr{IP: net.ParseIP(from)}, "tcp"
	}
	conn, err := d.DialContext(b.t.Context(), network, door)
	if err != nil {
		b.t.Fatalf("cannot connect: %v", err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(harness.Patience))
	return &harness.Conn{T: b.t, Net: conn, In: bufio.NewReader(conn)}
}

// dialTLS is dial through TLS.
func (b *balancer) dialTLS(door string) *harness.Conn {
	b.t.Helper()
	c := b.dial(door)
	conn := tls.Client(c.Net, b.authority.Trusting("shop.example"))
	return &harness.Conn{T: b.t, Net: conn, In: bufio.NewReader(conn)}
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func TestAppsSeeTheClientThatABalancerNames(t *testing.T) {
	b := newBalancer(t)
	for name, c := range map[string]struct {
		visitor                  *harness.Conn
		host, addr, proto, fport string
	}{
		"version 1":             {b.dial(b.V1), "shop.example", visitorAddr, "http", "80"},
		"version 2":             {b.dial(b.V2), "shop.example", visitorAddr, "http", "80"},
		"no host":               {b.dial(b.V2), "", visitorAddr, "http", port(b.V2)},
		"TLS that is passed on": {b.dialTLS(b.Passing), "shop.example", visitorAddr, "https", "443"},
		"TLS that ends there":   {b.dialTLS(b.Ending), "shop.example", visitorAddr, "https", "443"},
		"over a unix socket":    {b.dial(b.Unix), "shop.example", "127.0.0.1", "http", "80"},
		"a port in the host":    {b.dialTLS(b.Passing), "shop.example:8443", visitorAddr, "https", "8443"},
	} {
		t.Run(name, func(t *testing.T) {
			c.visitor.T = t
			request := "GET /headers HTTP/1.1\r\nHost: " + c.host
			if c.host == "" {
				request = "GET /headers HTTP/1.0\r\nConnection: keep-alive"
			}
			for range 20 {
				c.visitor.Send(request + "\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Port: 1\r\n\r\n")
				seen := harness.NamesIn(t, c.visitor.Answer("GET"))
				for field, want := range map[string]string{"x-forwarded-for": c.addr, "x-real-ip": c.addr, "x-forwarded-proto": c.proto, "x-forwarded-port": c.fport} {
					if seen[field] != want {
						t.Fatalf("%s is %q, not %q", field, seen[field], want)
					}
				}
			}
		})
	}
	harness.Eventually(t, harness.Patience, "the log names the visitor, and the balancer for its own checks", func() bool {
		text, _ := os.ReadFile(b.log)
		checked := strings.Contains(string(text), `"remote":"127.0.0.1"`) && strings.Contains(string(text), `"target":"/checked"`)
		return checked && strings.Contains(string(text), `"remote":"`+visitorAddr+`"`)
	})
}

// A proxy in front of the balancer may be believed, and the balancer's own address says nothing of its clients.
func TestTrustIsInTheClientThatABalancerNames(t *testing.T) {
	for keys, want := range map[string]string{
		`trusted_proxies = ["127.0.0.5"]`: "6.6.6.6",
		`trusted_proxies = ["127.0.0.1"]`: visitorAddr,
	} {
		b := newBalancer(t, keys)
		c := b.dial(b.V2)
		c.Send("GET /headers HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
		if got := harness.NamesIn(t, c.Answer("GET"))["x-real-ip"]; got != want {
			t.Errorf("%s: the client is %q, not %q", keys, got, want)
		}
	}
}

func TestWebSocketsAndHTTP2ComeThroughABalancer(t *testing.T) {
	b := newBalancer(t)
	for _, c := range []*harness.Conn{b.dial(b.V1), b.dial(b.V2), b.dialTLS(b.Passing), b.dialTLS(b.Ending)} {
		harness.Upgraded(t, c).MustEcho("hello")
	}
	transport := &http.Transport{TLSClientConfig: b.authority.Trusting("shop.example"), ForceAttemptHTTP2: true,
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(visitorAddr)}}).DialContext}
	defer transport.CloseIdleConnections()
	for range 20 {
		res, err := (&http.Client{Transport: transport}).Get("https://" + b.Passing + "/headers")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		seen := harness.NamesIn(t, harness.Answer{StatusCode: res.StatusCode, Body: string(body)})
		if err != nil || res.Proto != "HTTP/2.0" || res.StatusCode != 200 || seen["x-real-ip"] != visitorAddr {
			t.Fatalf("got %s %s with %v, %v", res.Proto, res.Status, seen, err)
		}
	}
}

func TestHeadersOfThePROXYProtocolComeFromThoseWhoShallSendThem(t *testing.T) {
	b := newBalancer(t)
	const header, request = "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, c := range map[string]struct {
		from, sent string
		status     int // 0 = none
	}{
		"a balancer without one":    {"127.0.0.1", request, 0},
		"a balancer with one":       {"127.0.0.1", header + request, 200},
		"a balancer with two":       {"127.0.0.1", header + header + request, 400},
		"a stranger without one":    {visitorAddr, request, 200},
		"a stranger with one":       {visitorAddr, header + request, 400},
		"a balancer that is broken": {"127.0.0.1", "PROXY TCP4 192.0.2.777 198.51.100.1 1 2\r\n" + request, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.dialFrom(c.from, b.purser.Addr)
			w.T = t
			w.Send(c.sent)
			if a, _, err := w.TryAnswer("GET"); a.StatusCode != c.status {
				t.Errorf("got %d, %v; want %d", a.StatusCode, err, c.status)
			}
		})
	}
	harness.Eventually(t, harness.Patience, "the log says of the two that were refused why", func() bool {
		said := b.purser.Log.Lines("connection refused")
		return len(said) == 2 && strings.Contains(said[0]+said[1], "proxy_protocol") && strings.Contains(said[0]+said[1], "192.0.2.777")
	})
}
