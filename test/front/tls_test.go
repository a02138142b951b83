package front

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purser/test/harness"
)

const year = 365 * 24 * time.Hour

// secureApps are two apps over https and http: blog has a certificate of its own, shop is shown the server's.
func secureApps(t *testing.T, blogKeys ...string) (*harness.Purser, *harness.Authority, harness.App) {
	t.Helper()
	a := harness.NewAuthority(t)
	a.Issue("blog", year, "blog.example", "www.blog.example")
	a.Issue("server", year, "shop.example")
	blog, shop := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	shop.Write("VERSION", "shop")
	config := fmt.Sprintf("[server]\nlisten = [\"http://$LISTEN\", \"https://$SECURE\"]\naccess_log = %q\naccess_log_format = \"json\"\n", filepath.Join(a.Dir, "access.log")) +
		tlsTable("server.tls", a, "server") +
		harness.AppTable("blog", blog.Dir, harness.Processes(2), `hosts = ["blog.example", "www.blog.example", "other.example"]`) +
		tlsTable("apps.blog.tls", a, "blog", blogKeys...) +
		harness.AppTable("shop", shop.Dir, harness.Processes(1), `hosts = ["shop.example"]`)
	p := harness.Serve(t, harness.Options{Config: config})
	harness.Eventually(t, harness.Patience, "all apps serve", func() bool {
		return harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n").StatusCode == 200 &&
			request(harness.DialTLS(t, p, a.Trusting("shop.example")), "shop.example", "/").StatusCode == 200
	})
	return p, a, blog
}

func tlsTable(table string, a *harness.Authority, name string, keys ...string) string {
	return fmt.Sprintf("[%s]\ncert = %q\nkey = %q\n%s\n", table, filepath.Join(a.Dir, name+".pem"), filepath.Join(a.Dir, name+".key"), strings.Join(keys, "\n"))
}

// request asks for a path of a host.
func request(c *harness.Conn, host, path string) harness.Answer {
	c.T.Helper()
	c.Send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	return c.Answer("GET")
}

func TestEachAppIsServedOverTLSWithItsCertificate(t *testing.T) {
	p, a, _ := secureApps(t, `hsts = "1h"`)
	c := harness.DialTLS(t, p, a.Trusting("blog.example"))
	got := request(c, "blog.example", "/headers")
	var seen map[string]string
	if err := json.Unmarshal([]byte(got.Body), &seen); err != nil {
		t.Fatalf("%v in %q", err, got.Body)
	}
	_, port, _ := strings.Cut(p.Secure, ":")
	for name, want := range map[string]string{"x-forwarded-proto": "https", "x-forwarded-port": "443", "x-forwarded-host": "blog.example"} {
		if seen[name] != want {
			t.Errorf("the app got %s: %q, want %q", name, seen[name], want)
		}
	}
	if hsts := got.Header.Get("Strict-Transport-Security"); hsts != "max-age=3600" {
		t.Errorf("got Strict-Transport-Security %q", hsts)
	}
	if got := request(c, "blog.example:"+port, "/headers"); !strings.Contains(got.Body, `"x-forwarded-port":"`+port+`"`) {
		t.Errorf("the port in Host is not told: %s", got.Body)
	}
	shop := harness.DialTLS(t, p, a.Trusting("shop.example"))
	if got := request(shop, "shop.example", "/"); !strings.HasPrefix(got.Body, "v=shop") || got.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("shop answered %q with %v", got.Body, got.Header)
	}
	harness.Eventually(t, harness.Patience, "the access log tells protocol and cipher", func() bool {
		log, err := os.ReadFile(filepath.Join(a.Dir, "access.log"))
		return err == nil && strings.Contains(string(log), `"tls_protocol":"TLS 1.3","tls_cipher":"TLS_`)
	})
}

// Rack and WSGI say it in their own words.
func TestAppsLearnThatTheirClientsCameByHTTPS(t *testing.T) {
	a := harness.NewAuthority(t)
	a.Issue("server", year, "ruby.example", "python.example")
	ruby, python := harness.EmptyApp(t), harness.EmptyApp(t)
	ruby.Write("config.ru", `run lambda { |env| [200, {}, ["#{env['rack.url_scheme']} #{env['HTTPS'] || 'off'} #{env['SERVER_PORT']}"]] }`)
	python.Write("passenger_wsgi.py", "def application(env, start):\n    start('200 OK', [])\n"+
		"    return [('%s %s %s' % (env['wsgi.url_scheme'], env.get('HTTPS', 'off'), env['SERVER_PORT'])).encode()]\n")
	p := harness.Serve(t, harness.Options{Config: "[server]\nlisten = [\"https://$SECURE\", \"$LISTEN\"]\n" + tlsTable("server.tls", a, "server") +
		harness.AppTable("ruby", ruby.Dir, harness.Processes(1), `hosts = ["ruby.example"]`, "tls = { redirect = false }") +
		harness.AppTable("python", python.Dir, harness.Processes(1), `hosts = ["python.example"]`, "tls = { redirect = false }")})
	for _, host := range []string{"ruby.example", "python.example"} {
		harness.Eventually(t, harness.Patience, host+" serves", func() bool {
			return harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n").Body == "http off 80"
		})
		if got := request(harness.DialTLS(t, p, a.Trusting(host)), host, "/").Body; got != "https on 443" {
			t.Errorf("%s was told %q", host, got)
		}
	}
}

func TestConnectionServesOnlyWhatItWasMadeFor(t *testing.T) {
	p, a, _ := secureApps(t)
	if got := request(harness.DialTLS(t, p, a.Trusting("blog.example")), "www.blog.example", "/"); got.StatusCode != 200 {
		t.Errorf("a host of the same certificate got %d", got.StatusCode)
	}
	if got := request(harness.DialTLS(t, p, a.Trusting("blog.example")), "shop.example", "/"); got.StatusCode != 421 {
		t.Errorf("another app's host got %d, want 421", got.StatusCode)
	}
}

func TestHTTPIsSentToHTTPS(t *testing.T) {
	p, _, _ := secureApps(t)
	_, port, _ := strings.Cut(p.Secure, ":")
	for host, want := range map[string]string{
		"blog.example":      "https://blog.example:" + port + "/a?b=%20c",
		"BLOG.example:8080": "https://blog.example:" + port + "/a?b=%20c",
		"shop.example":      "https://shop.example:" + port + "/a?b=%20c",
		"other.example":     "", // no certificate is for it
	} {
		got := harness.Ask(t, p, "POST /a?b=%20c HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 2\r\n\r\nhi")
		if location := got.Header.Get("Location"); location != want || want != "" && got.StatusCode != 308 {
			t.Errorf("%s: got %d to %q, want 308 to %q", host, got.StatusCode, location, want)
		}
	}
	if got := harness.Ask(t, p, "GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: blog.example\r\n\r\n"); got.StatusCode == 308 {
		t.Error("what an authority looks for was sent to https")
	}
}

func TestHTTPOnTheTLSPortIsToldSo(t *testing.T) {
	p, _, _ := secureApps(t)
	clear := *p
	clear.Addr = p.Secure
	got := harness.Ask(t, &clear, "GET / HTTP/1.1\r\nHost: blog.example\r\n\r\n")
	if got.StatusCode != 400 || !strings.Contains(got.Body, "https://") {
		t.Errorf("got %d %q", got.StatusCode, got.Body)
	}
}

func TestCertificateIsReadAgainWhenItsFilesChange(t *testing.T) {
	p, a, _ := secureApps(t)
	old := harness.DialTLS(t, p, a.Trusting("blog.example"))
	a.Issue("blog", year, "blog.example", "new.example")
	harness.Eventually(t, harness.Patience, "the new certificate is shown", func() bool {
		return harness.DialTLS(t, p, a.Trusting("blog.example")).Shown()[1] == "new.example"
	})
	if got := request(old, "blog.example", "/"); got.StatusCode != 200 {
		t.Errorf("a connection from before got %d", got.StatusCode)
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "blog.key"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "what is broken is told", func() bool {
		return len(p.Log.Lines("changed certificates cannot be used")) == 1
	})
	if shown := harness.DialTLS(t, p, a.Trusting("blog.example")).Shown(); shown[1] != "new.example" {
		t.Errorf("a broken file has changed what is shown: %v", shown)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if r := p.Run(ctx, "status", "--full"); !strings.Contains(r.Stdout, "blog: blog.example, new.example") || !strings.Contains(r.Stdout, "Ends: ") {
		t.Errorf("status shows\n%s", r.Stdout)
	}
}

func TestClientsOfAnAppMayNeedACertificate(t *testing.T) {
	a := harness.NewAuthority(t)
	a.Issue("both", year, "inner.example", "outer.example")
	a.Issue("me", year, "me.example")
	inner, outer := harness.NewApp(t, "node"), harness.NewApp(t, "node")
	p := harness.Serve(t, harness.Options{Config: "[server]\nlisten = [\"https://$SECURE\", \"$LISTEN\"]\n" + tlsTable("server.tls", a, "both") +
		harness.AppTable("inner", inner.Dir, harness.Processes(1), `hosts = ["inner.example"]`, fmt.Sprintf("tls = { client_ca = %q, redirect = false }", filepath.Join(a.Dir, "ca.pem"))) +
		harness.AppTable("outer", outer.Dir, harness.Processes(1), `hosts = ["outer.example"]`)})
	proven := a.Trusting("inner.example")
	proven.Certificates = []tls.Certificate{a.Pair("me")}
	if got := request(harness.DialTLS(t, p, proven), "inner.example", "/"); got.StatusCode != 200 {
		t.Errorf("who has a certificate got %d", got.StatusCode)
	}
	// The certificate that is shown is for both names.
	if got := request(harness.DialTLS(t, p, a.Trusting("outer.example")), "inner.example", "/"); got.StatusCode != 421 {
		t.Errorf("who came by the other app's name got %d, want 421", got.StatusCode)
	}
	if got := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: inner.example\r\n\r\n"); got.StatusCode != 403 {
		t.Errorf("who came in clear got %d, want 403", got.StatusCode)
	}
}

func TestLargeBodiesOverTLS(t *testing.T) {
	p, a, _ := secureApps(t)
	c := harness.DialTLS(t, p, a.Trusting("blog.example"))
	body := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	sent := c.SendAside("POST /echo HTTP/1.1\r\nHost: blog.example\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body)
	if got := c.Answer("POST"); got.Body != body {
		t.Errorf("the echo of %d bytes has %d, or others", len(body), len(got.Body))
	}
	<-sent
}

func TestWebSocketOverTLS(t *testing.T) {
	app := harness.NewApp(t, "node")
	a := harness.NewAuthority(t)
	a.Issue("server", year, "a")
	p := harness.Serve(t, harness.Options{Config: "[server]\nlisten = [\"https://$SECURE\"]\n" + tlsTable("server.tls", a, "server") +
		harness.AppTable("app", app.Dir, harness.Processes(1))})
	socket := harness.Upgraded(t, harness.DialTLS(t, p, a.Trusting("a")))
	for _, text := range []string{"first", "second", "third"} {
		socket.MustEcho(text)
	}
}

// A restart under load over TLS fails no request.
func TestRestartUnderLoadOverTLS(t *testing.T) {
	p, a, blog := secureApps(t)
	load := harness.Load{Addr: p.Secure, Host: "blog.example", Rate: 100, TLS: a.Trusting("blog.example")}.Begin()
	harness.Eventually(t, harness.Patience, "the load runs", func() bool { return len(load.SoFar().Samples) > 50 })
	blog.Write("VERSION", "2")
	blog.Touch()
	harness.AwaitRestart(t, p, "blog", 2)
	harness.Eventually(t, harness.Patience, "the new release answers", func() bool {
		_, found := load.SoFar().First("v=2")
		return found
	})
	if report := load.End(); len(report.Failed()) > 0 {
		t.Errorf("%v; the first: %+v", report, report.Failed()[0])
	}
}

func TestCheckReadsCertificates(t *testing.T) {
	a := harness.NewAuthority(t)
	a.Issue("good", 5*24*time.Hour, "blog.example")
	a.Issue("other", year, "blog.example")
	app := harness.NewApp(t, "node")
	check := func(cert, key string) harness.Result {
		t.Helper()
		file := filepath.Join(a.Dir, "purser.toml")
		config := fmt.Sprintf("[server]\nlisten = [\"https://:8443\"]\n[apps.blog]\nroot = %q\nhosts = [\"www.blog.example\"]\n[apps.blog.tls]\ncert = %q\nkey = %q\n", app.Dir, cert, key)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		bin, err := harness.Binary()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		defer cancel()
		return harness.RunBinary(ctx, bin, nil, "check", "-c", file)
	}
	if r := check("good.pem", "good.key"); r.Code != 0 || !strings.Contains(r.Stdout, "renew it") || !strings.Contains(r.Stdout, "is not for www.blog.example, but for blog.example") {
		t.Errorf("got %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := check("good.pem", "other.key"); r.Code != 2 || !strings.Contains(r.Stderr, "the key is not that of the certificate") {
		t.Errorf("got %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r := check("none.pem", "other.key"); r.Code != 2 || !strings.Contains(r.Stderr, "none.pem") {
		t.Errorf("got %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}
