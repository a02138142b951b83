package front

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"purser/test/harness"
)

// `purser serve DIR --https HOST` has the ports 80 and 443 of all addresses, and a certificate after some seconds. Who
// types no scheme comes to https, without a port.
func TestCommandForHTTPSHasTheUsualPorts(t *testing.T) {
	if !harness.InOwnNetwork(t) {
		return
	}
	ca := harness.NewPebble(t, harness.PebbleOptions{HTTP: "127.0.0.1:80", TLS: "127.0.0.1:443"})
	ca.Start()
	app, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"serve", t.TempDir(), "--https", "blog.example", "--acme-directory", ca.Directory(), "--command", app}
	i := &issuing{t: t, ca: ca, addr: "127.0.0.1:80", secure: "127.0.0.1:443"}
	i.Purser = harness.Serve(t, harness.Options{Addr: i.addr, Secure: i.secure, Args: args, UsualPorts: true,
		Env: []string{"SSL_CERT_FILE=" + ca.CA(), "STATE_DIRECTORY=" + t.TempDir()}})
	i.await("blog.example")
	for _, address := range []string{"127.0.0.1", "::1"} {
		visitor := visitorOf(ca, address)
		got, err := visitor.Get("http://blog.example/a?b=c")
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != 200 || got.TLS == nil || got.ProtoMajor != 2 || got.Request.URL.String() != "https://blog.example/a?b=c" {
			t.Errorf("by %s one comes to %s by %s, and gets %d", address, got.Request.URL, got.Proto, got.StatusCode)
		}
	}
	without := []string{"setpriv", "--bounding-set=-net_bind_service"}
	p := harness.Start(t, harness.Options{Before: without, Args: args, UsualPorts: true})
	if code, err := p.Wait(harness.Within(t)); err != nil || code != 2 || !strings.Contains(p.Log.String(), "cannot listen on :80: a port below 1024 needs root, CAP_NET_BIND_SERVICE or a socket of systemd") {
		t.Errorf("who may not have the port gets %d (%v) and\n%s", code, err, p.Log.String())
	}
}

// visitorOf is a browser to whom every name leads to an address, and who follows redirects.
func visitorOf(ca *harness.Pebble, address string) *http.Client {
	var dialer net.Dialer
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(addr)
		return dialer.DialContext(ctx, network, net.JoinHostPort(address, port))
	}
	return &http.Client{Timeout: harness.Patience, Transport: &http.Transport{
		DialContext: dial, TLSClientConfig: ca.Trusting("blog.example"), ForceAttemptHTTP2: true, DisableKeepAlives: true}}
}
