package reload

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"purser/test/harness"
)

// dialTo opens a WebSocket with an app at an address.
func (l *land) webSocket(addr, name string) harness.WebSocket {
	l.t.Helper()
	at := *l.p
	at.Addr = addr
	c := harness.Dial(l.t, &at)
	c.Send("GET /ws HTTP/1.1\r\nHost: " + name + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if a := c.Answer("GET"); a.StatusCode != 101 {
		l.t.Fatalf("the WebSocket of %s is answered with %d", name, a.StatusCode)
	}
	return harness.WebSocket{Conn: c}
}

func TestAppsAndListenersComeAndGoBesideOthersWhoseConnectionsStay(t *testing.T) {
	l := newLand(t, "blog", "shop")
	l.apps["shop"] = []string{"websocket_drain_timeout = \"1s\"", "websocket_close_window = \"0\""}
	unix := filepath.Join(t.TempDir(), "s")
	l.listen = []string{harness.FreeAddr(), "unix:" + unix}
	l.reloads(0)
	load := l.load("blog", 200)
	stays, beside, goes := l.webSocket(l.p.Addr, "blog"), l.webSocket(l.listen[0], "blog"), l.webSocket(l.p.Addr, "shop")
	if got := harness.DialUnix(t, unix); got == nil {
		t.Error("nobody listens on the unix socket")
	}
	addr := l.listen[0]

	l.listen = nil
	delete(l.apps, "shop")
	l.apps["news"] = nil
	result := l.reloads(0)
	harness.MustSay(t, result.Stdout, "shop: removed", "news: added", "no longer listening on "+addr, "no longer listening on unix:"+unix)
	harness.Eventually(t, harness.Patience, "nobody listens there any more", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if _, err := os.Lstat(unix); !os.IsNotExist(err) {
		t.Errorf("the unix socket is still there: %v", err)
	}
	stays.MustEcho("still here")
	beside.MustEcho("still here, too")
	if a := l.get("news"); a.StatusCode != 200 {
		t.Errorf("the new app answers %d", a.StatusCode)
	}
	if a := l.get("shop"); a.StatusCode != 404 || a.Header.Get("Purser-Error") != "no_app" {
		t.Errorf("the app that is gone is answered with %d %s", a.StatusCode, a.Header.Get("Purser-Error"))
	}
	for _, err := goes.In.ReadByte(); err == nil; _, err = goes.In.ReadByte() { // its server says good bye
	}
	harness.Eventually(t, harness.Patience, "nothing is left of the app", func() bool {
		return l.p.AdminRequest(t, "GET", "/v1/apps/shop", nil).StatusCode == 404
	})
	l.apps["shop"] = nil
	l.reloads(0)
	if a := l.get("shop"); a.StatusCode != 200 {
		t.Errorf("the app that is there again answers %d", a.StatusCode)
	}
	harness.MustNotFail(t, load.End())
}

// The removed app's visitors are answered until its drain ends.
func TestWhoHasAskedAnAppThatGoesIsAnswered(t *testing.T) {
	l := newLand(t, "blog")
	app := harness.NewApp(t, "node")
	l.apps["slow"] = []string{"hosts = [\"x\"]"}
	delete(l.apps, "slow")
	l.broken = "[apps.slow]\nroot = \"" + app.Dir + "\"\nhosts = [\"slow\"]\nmin_processes = 1\nmax_processes = 1\nconcurrency = 1\n"
	l.reloads(0)
	ask := func() *harness.Conn {
		c := harness.Dial(t, l.p)
		c.Send("GET /slow?ms=700 HTTP/1.1\r\nHost: slow\r\n\r\n")
		return c
	}
	upload := harness.Dial(t, l.p)
	upload.Send("POST /count HTTP/1.1\r\nHost: slow\r\nContent-Length: 4\r\n\r\nab")
	served, waits := ask(), ask()
	harness.Eventually(t, harness.Patience, "one waits", func() bool { return l.p.Status(t, "slow").Queue == 1 })
	text := l.broken
	l.broken = ""
	l.reloads(0)
	upload.Send("cd")
	harness.MustBeAnswered(t, served, waits, upload)

	l.broken = text // while it goes, or a moment after
	l.reloads(0)
	harness.MustBeAnswered(t, ask())
}

func TestHostThatMovesToAnotherAppIsNeverWithoutOne(t *testing.T) {
	l := newLand(t, "blog", "shop")
	l.apps["blog"] = []string{"path = \"/\""}
	load := l.load("blog", 200)
	for range 3 {
		l.broken = "[apps.other]\nroot = \"/tmp\"\ncommand = \"exec " + mustGoApp(t) + "\"\nhosts = [\"blog\"]\nmin_processes = 1\n"
		blog := l.apps["blog"]
		delete(l.apps, "blog")
		l.reloads(0)
		l.apps["blog"], l.broken = blog, ""
		l.reloads(0)
	}
	report := load.End()
	harness.MustNotFail(t, report)
	t.Logf("%d requests, the slowest took %v", len(report.Samples), report.Max().Round(time.Millisecond))
}

func mustGoApp(t *testing.T) string {
	program, err := harness.GoApp()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// What ends twice, stopped and then removed, is killed for the sake of one of its name as what ends once.
func TestAppThatIsRemovedWhileItStopsMayComeBack(t *testing.T) {
	l := newLand(t, "blog", "shop")
	l.webSocket(l.p.Addr, "blog")
	l.runs(0, "stop", "blog", "--no-wait")
	blog := l.apps["blog"]
	delete(l.apps, "blog")
	l.reloads(0)
	l.apps["blog"] = blog
	load := l.load("shop", 50)
	back := make(chan harness.Result)
	l.write()
	go func() { back <- l.p.Run(t.Context(), "reload") }()
	harness.Eventually(t, harness.Patience, "the reload waits for it", func() bool { return len(l.p.Log.Lines("an app that goes is waited for")) > 0 })
	harness.MustSay(t, l.runs(4, "scale", "shop", "3", "--timeout", "100ms").Stderr, "purser has not answered within 100ms; what was asked for may be done yet")
	if r := <-back; r.Code != 0 || r.Took > time.Minute {
		t.Errorf("the reload took %s and exits with %d: %s", r.Took, r.Code, r.Stderr)
	}
	if a := l.get("blog"); a.StatusCode != 200 {
		t.Errorf("the app that is there again answers %d", a.StatusCode)
	}
	l.await("shop", 3)
	harness.MustNotFail(t, load.End())
}

// The place of an app that goes is there for another, though the visitors of the first stay connected.
func TestAppThatIsRenamedUnderACapServesWhoeverStaysConnected(t *testing.T) {
	l := newLand(t, "blog")
	l.server = []string{"max_processes = 2"}
	l.reloads(0)
	one, two := l.webSocket(l.p.Addr, "blog"), l.webSocket(l.p.Addr, "blog")
	load := l.load("blog", 50)
	table := "root = \"/tmp\"\ncommand = \"exec " + mustGoApp(t) + "\"\nhosts = [\"blog\"]\nmin_processes = 2\nmax_processes = 2\n"
	delete(l.apps, "blog")
	l.broken = "[apps.news]\n" + table
	l.reloads(0)
	one.MustEcho("still here")
	two.MustEcho("still here, too")
	l.await("news", 2)
	harness.MustNotFail(t, load.End())
}

// Once a reload has ended, an address is spoken to as it says, and one that is gone may come back at once.
func TestAnAddressIsAsTheReloadHasLeftIt(t *testing.T) {
	l := newLand(t, "blog")
	address := harness.FreeAddr()
	for range 10 {
		l.listen = []string{address}
		l.reloads(0)
		l.listen = nil
		l.reloads(0)
	}
	authority := harness.NewAuthority(t)
	authority.Issue("site", time.Hour, "blog")
	for range 5 {
		l.listen, l.server = []string{"https://" + address}, []string{fmt.Sprintf("tls = { cert = %q, key = %q }", filepath.Join(authority.Dir, "site.pem"), filepath.Join(authority.Dir, "site.key"))}
		l.reloads(0)
		conn, err := tls.Dial("tcp", address, authority.Trusting("blog"))
		if err != nil {
			t.Fatalf("https is not spoken: %v", err)
		}
		conn.Close()
		l.listen, l.server = []string{address}, nil
		l.reloads(0)
		at := *l.p
		at.Addr = address
		if a := harness.Ask(t, &at, "GET / HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n"); a.StatusCode != 200 {
			t.Fatalf("http is answered with %d", a.StatusCode)
		}
	}
	_, port, _ := net.SplitHostPort(address)
	l.listen = []string{":" + port}
	harness.MustSay(t, l.reloads(2).Stderr, "cannot listen on :"+port+" while purser listens on "+address)
}
