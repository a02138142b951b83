package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
)

// paged has the front's app have pages of its own.
func (f *front) paged(pages conf.Pages) {
	f.change(func(c *Config) {
		c.ReadPage = readPage
		c.Apps[0].Pages = pages
	})
}

func TestAFailureIsShownAsTheAppsOwnPage(t *testing.T) {
	root := t.TempDir()
	put(t, root, "public/413.html", "<h1>{status}</h1>{request_id} {reason} {message}")
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root, a.MaxBody = root, 3 })
	f.paged(conf.Pages{Files: map[string]string{"413": "public/413.html", "5xx": "public/none.html"}})
	large := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
	c := f.dial().send("%s\r\nhello", large)
	res, body := c.answer("POST")
	want := "<h1>413</h1>" + res.Header.Get("X-Request-ID") + " body_too_large The request&#39;s body is larger than this app accepts."
	if body != want {
		t.Errorf("visitors are shown %q, want %q", body, want)
	}
	expectHeader(t, res.Header, "Content-Type", "text/html; charset=utf-8", "Purser-Error", "body_too_large", "Cache-Control", "no-store")
	_, body = f.dial().send("%sAccept: application/json\r\n\r\nhello", large).answer("POST")
	if !strings.HasPrefix(body, `{"error":{"code":"body_too_large"`) {
		t.Errorf("a program is shown %s", body)
	}
}

func TestThePageTheHeaderAndTheLogGiveTheSameReason(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.MaxBody = 3 })
	res, body := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").answer("POST")
	id := res.Header.Get("X-Request-ID")
	if !strings.Contains(body, "Reason: body_too_large") || !strings.Contains(body, "Request id: "+id) || res.Header.Get("Purser-Error") != "body_too_large" {
		t.Errorf("it says %v %s", res.Header, body)
	}
	f.expectLog("request not served", "reason=body_too_large", "request-id="+id)
}

func TestAPageThatCannotBeReadIsPursersAndTheLogSaysSoOnce(t *testing.T) {
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.MaxBody = 3 })
	f.paged(conf.Pages{Files: map[string]string{"4xx": "/none/4xx.html"}})
	for range 3 {
		_, body := f.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").answer("POST")
		if !strings.Contains(body, "413 Request Entity Too Large") {
			t.Errorf("visitors are shown %s", body)
		}
	}
	f.expectLog("a page of the app cannot be read", "/none/4xx.html")
	if n := strings.Count(f.log.String(), "a page of the app cannot be read"); n != 1 {
		t.Errorf("the log says so %d times", n)
	}
}

// A library is pages of a few releases, whose time passes as the test says.
type library struct {
	pages
	clock    int64
	releases []pool.Release
	reads    int
}

func newLibrary(t *testing.T, releases ...string) *library {
	l := &library{}
	for _, r := range releases {
		l.releases = append(l.releases, pool.Release{Path: r})
	}
	app := &conf.App{Name: "app", Pages: conf.Pages{Files: map[string]string{"404": "404.html"}}}
	read := func(a conf.App, release, name string) ([]byte, error) {
		l.reads++
		return readPage(a, release, name)
	}
	l.pages = *newPages(app, read, func() []pool.Release { return l.releases }, func() int64 { return l.clock }, hclog.NewNullLogger())
	return l
}

func (l *library) passes(span time.Duration) { l.clock += int64(span) }

func TestPagesAreThoseOfTheNewestReleaseThatHasThem(t *testing.T) {
	older, newer := t.TempDir(), t.TempDir()
	put(t, older, "404.html", "older")
	l := newLibrary(t, newer, older)
	expect := func(want string) {
		t.Helper()
		if got := string(l.of(404)); got != want {
			t.Errorf("the page is %q, want %q", got, want)
		}
	}
	expect("older")
	expect("older")
	if l.reads != 2 {
		t.Errorf("it was read %d times, and there are two releases", l.reads)
	}
	put(t, newer, "404.html", "newer")
	l.passes(pageAge)
	expect("newer")
	if err := os.Remove(filepath.Join(newer, "404.html")); err != nil {
		t.Fatal(err)
	}
	expect("newer") // for a moment
	l.releases = []pool.Release{{Path: older}}
	expect("older") // at once
	if l.of(500) != nil {
		t.Error("there is a page for 500")
	}
}

func TestWhileAPageIsReadAnewTheOthersAreShownWhatThereIs(t *testing.T) {
	root := t.TempDir()
	put(t, root, "404.html", "before")
	l := newLibrary(t, root)
	l.of(404)
	inside, read := "", l.read
	l.read = func(release, name string) ([]byte, error) {
		inside = string(l.of(404)) // who asks meanwhile
		return read(release, name)
	}
	put(t, root, "404.html", "after")
	l.passes(pageAge)
	if got := string(l.of(404)); got != "after" || inside != "before" {
		t.Errorf("who reads is shown %q, and who comes meanwhile %q", got, inside)
	}
}

const htmlError = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n<p>no</p>"

func TestAPageOfTheAppIsReplacedIfThatIsWanted(t *testing.T) {
	root := t.TempDir()
	put(t, root, "e.html", "ours {status} {reason}")
	answer := make(chan string, 1)
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for head, _ := c.request(); head != ""; head, _ = c.request() {
			c.send("%s", <-answer)
		}
	}, func(_ *conf.Server, a *conf.App) { a.Root, a.Concurrency = root, 1 })
	f.paged(conf.Pages{Files: map[string]string{"4xx": "e.html", "500": "e.html"}, Intercept: true})
	for _, c := range []struct{ name, answer, accept, want string }{
		{"HTML", htmlError, "text/html", "ours 404 app"},
		{"nothing at all", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "*/*", "ours 500 app"},
		{"text", "HTTP/1.1 500 Oh\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\noh", "*/*", "ours 500 app"},
		{"JSON stays", "HTTP/1.1 404 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "*/*", "{}"},
		{"what a program asks for stays", htmlError, "application/json", "<p>no</p>"},
		{"a status without a page stays", "HTTP/1.1 502 Oh\r\nContent-Length: 2\r\n\r\noh", "*/*", "oh"},
		{"what is no error stays", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "*/*", "ok"},
		{"chunks", "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "text/html", "ours 404 app"},
	} {
		answer <- c.answer
		_, body := f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nAccept: %s\r\n\r\n", c.accept).answer("GET")
		if body != c.want {
			t.Errorf("%s: visitors are shown %q, want %q", c.name, body, c.want)
		}
	}
	f.free()
	f.paged(conf.Pages{Files: map[string]string{"4xx": "e.html"}})
	answer <- htmlError
	f.dial().send(get).expect(404, "<p>no</p>")
}

func TestOfAReplacedPageOnlyWhatItsStatusNeedsIsKept(t *testing.T) {
	root := t.TempDir()
	put(t, root, "e.html", "ours")
	f := newFront(t, answering("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Encoding: gzip\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nno"),
		func(_ *conf.Server, a *conf.App) { a.Root = root })
	f.paged(conf.Pages{Files: map[string]string{"401": "e.html"}, Intercept: true})
	c := f.dial()
	res := c.send(get).expect(401, "ours")
	expectHeader(t, res.Header, "WWW-Authenticate", `Basic realm="x"`, "Content-Encoding", "", "ETag", "", "Content-Type", "text/html; charset=utf-8", "Purser-Error", "")
	res, body := c.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").answer("HEAD")
	if res.StatusCode != 401 || res.ContentLength != 4 || body != "" {
		t.Errorf("HEAD: got %d, %d bytes announced, %q", res.StatusCode, res.ContentLength, body)
	}
}

func TestTheProcessOfAReplacedPageIsGivenBackWithItsRest(t *testing.T) {
	root := t.TempDir()
	put(t, root, "e.html", "ours")
	rest := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
		for head, _ := c.request(); head != ""; head, _ = c.request() {
			c.send("HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nno")
			<-rest
			c.send("no")
		}
	}, func(_ *conf.Server, a *conf.App) { a.Root, a.Concurrency = root, 1 })
	f.paged(conf.Pages{Files: map[string]string{"500": "e.html"}, Intercept: true})
	first := f.dial().send(get)
	f.await("the process has the first", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	second := f.dial().send(get)
	f.awaitQueue(1)
	close(rest)
	first.expect(500, "ours")
	second.expect(500, "ours")
	f.free()
}
