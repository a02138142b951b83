package proxy

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"purser/conf"
)

// maintain has the front's app be one that may be in maintenance.
func (f *front) maintain(change func(*conf.App)) *Maintenance {
	m := &Maintenance{}
	f.change(func(c *Config) {
		c.Maintenance = func(string) *Maintenance { return m }
		c.ReadPage = readPage
		change(&c.Apps[0])
	})
	return m
}

func readPage(_ conf.App, release, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(release, name)
	}
	return os.ReadFile(name)
}

func noChange(*conf.App) {}

func TestVisitorsOfAnAppInMaintenanceAreToldSo(t *testing.T) {
	f := newFront(t, hello, nil)
	m := f.maintain(func(a *conf.App) { a.Maintenance.RetryAfter = 90e9 })
	f.dial().send(get).expect(200, "hello")
	m.Set(true)
	c := f.dial()
	res := c.send(get).expectFailure("GET", 503, "maintenance")
	expectHeader(t, res.Header, "Retry-After", "90", "Cache-Control", "no-store")
	f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").expectFailure("POST", 503, "maintenance")
	f.expectLog("request not served", "reason=maintenance", "app=app")
	m.Set(false)
	c.send(get).expect(200, "hello")
}

func TestANoticeIsShownAsItIsMeant(t *testing.T) {
	for _, c := range []struct{ notice, accept, want, not string }{
		{"Back at 10 <o'clock>\n", "text/html", "<p>Back at 10 &lt;o&#39;clock&gt;</p>", "<o'clock>"},
		{"Back at 10", "application/json", `"code":"maintenance","message":"Back at 10"`, "<"},
		{"\n<h1>Soon</h1> {request_id}", "text/html", "<h1>Soon</h1> abc-1", "{request_id}"},
		{"<h1>Soon</h1>", "application/json", `"message":"The app is in maintenance; try again later."`, "Soon"},
		{"not \xff UTF-8", "text/html", "not \uFFFD UTF-8", "\xff"},
		{"", "text/html", "<p>The app is in maintenance; try again later.</p>", "{"},
	} {
		root := t.TempDir()
		put(t, root, "tmp/maintenance.txt", c.notice)
		f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root = root })
		f.maintain(func(a *conf.App) { a.Maintenance.File = "tmp/maintenance.txt" }).Set(true)
		call := f.trusted("GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: abc-1\r\nAccept: " + c.accept + "\r\n\r\n").serve()
		if got := call.content(); !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
			t.Errorf("%q is shown as %s", c.notice, got)
		}
		if log := f.log.String(); strings.Contains(log, "cannot be read") {
			t.Errorf("the log says %s", log)
		}
	}
}

// trusted is a call of a trusted proxy.
func (f *front) trusted(head string) *memCall {
	c := f.call(head)
	c.peer.Trusted, c.peer.Text = true, []byte("192.0.2.1")
	return c
}

func TestThePageOfMaintenanceIsTheApps(t *testing.T) {
	root := t.TempDir()
	put(t, root, "tmp/maintenance.txt", "a > b", "public/maintenance.html", "<p>{message} {status} {reason}</p>", "public/503.html", "another")
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root = root })
	m := f.maintain(func(a *conf.App) {
		a.Maintenance.File, a.Maintenance.Page = "tmp/maintenance.txt", "public/maintenance.html"
		a.Pages.Files = map[string]string{"503": "public/503.html"}
	})
	m.Set(true)
	if got := f.call(get).serve().content(); got != "<p>a &gt; b 503 maintenance</p>" {
		t.Errorf("visitors are shown %s", got)
	}
	f.change(func(c *Config) {
		c.Maintenance, c.ReadPage = func(string) *Maintenance { return m }, readPage
		c.Apps[0].Pages.Files = map[string]string{"5xx": "public/503.html"}
	})
	if got := f.call(get).serve().content(); got != "another" {
		t.Errorf("without a page for it, visitors are shown %s", got)
	}
}

func TestWhoSeesToAnAppInMaintenanceIsServed(t *testing.T) {
	f := newFront(t, hello, nil)
	m := f.maintain(func(a *conf.App) {
		a.Maintenance.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
		a.Maintenance.Cookie = "preview=k3vY9w"
	})
	m.Set(true)
	for _, c := range []struct {
		fields string
		status int
	}{
		{"X-Forwarded-For: 10.1.2.3\r\n", 200},
		{"X-Forwarded-For: ::ffff:10.1.2.3\r\n", 200},
		{"X-Forwarded-For: 2001:db8::7\r\n", 200},
		{"X-Forwarded-For: 11.1.2.3\r\n", 503},
		{"X-Forwarded-For: 10.1.2.3, 11.1.2.3\r\n", 503}, // the first is what a stranger has said
		{"", 503},
		{"Cookie: a=b; preview=k3vY9w\r\n", 200},
		{"Cookie: preview=no; preview=k3vY9w\r\n", 200},
		{"Cookie: preview=k3vY9\r\n", 503},
		{"Cookie: preview=k3vY9ww\r\n", 503},
		{"Cookie: xpreview=k3vY9w\r\n", 503},
	} {
		if call := f.trusted("GET / HTTP/1.1\r\nHost: a\r\n" + c.fields + "\r\n").serve(); call.status != c.status {
			t.Errorf("%q: got %d, want %d", c.fields, call.status, c.status)
		}
	}
	stranger := f.call("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n").serve()
	if stranger.status != 503 {
		t.Errorf("a stranger's word is believed: got %d", stranger.status)
	}
}

func TestFilesAreInMaintenanceTooButForAnAuthoritysQuestion(t *testing.T) {
	root := t.TempDir()
	put(t, root, "public/file", "file", "public/.well-known/acme-challenge/abc", "proof")
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = root, "public" })
	f.maintain(noChange).Set(true)
	for path, want := range map[string]int{"/file": 503, "/.well-known/acme-challenge/abc": 200, "/.well-known/acme-challenge/other": 503} {
		if got, _ := f.gets(path, "a"); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}

func TestAPauseIsToldFromATimeout(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.MaxQueue = 1 })
	if err := f.group.Pause(); err != nil {
		t.Fatal(err)
	}
	waits := f.dial().send(get)
	f.awaitQueue(1)
	f.dial().send(get).expectFailure("GET", 503, "paused")
	f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").expectFailure("POST", 503, "paused")
	if err := f.group.Resume(); err != nil {
		t.Fatal(err)
	}
	waits.expect(200, "hello")
}
