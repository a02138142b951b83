package proxy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/conf"
)

var written = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)

// put writes files into a folder: names and contents in turn.
func put(t testing.TB, folder string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(folder, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
}

// newFiles is a front whose app has these files below public and says "app" to everything else.
func newFiles(t testing.TB, change func(*conf.Server, *conf.App), files ...string) (f *front, root string) {
	root = t.TempDir()
	put(t, filepath.Join(root, "public"), files...)
	return newFront(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp"), func(s *conf.Server, a *conf.App) {
		a.Root, a.Public = root, "public"
		if change != nil {
			change(s, a)
		}
	}), root
}

// fetch sends a request with further header lines.
func (c *visitor) fetch(method, path string, lines ...string) (*http.Response, string) {
	c.t.Helper()
	c.send("%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, strings.Join(append(lines, ""), "\r\n"))
	return c.answer(method)
}

func TestFileBelowPublicIsServed(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	f, _ := newFiles(t, func(s *conf.Server, _ *conf.App) { s.AccessLog, s.AccessLogFormat = log, "combined" },
		"assets/site.css", "body {}")
	c := f.dial()
	for range 2 {
		res, body := c.fetch("GET", "/assets/site.css?v=1")
		if res.StatusCode != 200 || body != "body {}" {
			t.Fatalf("got %d %q", res.StatusCode, body)
		}
		delete(res.Header, "Date")
		want := http.Header{
			"Content-Type":   {"text/css; charset=utf-8"},
			"Content-Length": {"7"},
			"Last-Modified":  {"Sat, 03 Feb 2024 04:05:06 GMT"},
			"Etag":           {`"65bdbb72-7"`},
			"Accept-Ranges":  {"bytes"},
		}
		if fmt.Sprint(res.Header) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", res.Header, want)
		}
	}
	res, body := c.fetch("HEAD", "/assets/site.css")
	if res.StatusCode != 200 || body != "" || res.Header.Get("Content-Length") != "7" {
		t.Errorf("HEAD: %d %q %v", res.StatusCode, body, res.Header)
	}
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "app")
	f.await("the log", func() bool {
		b, _ := os.ReadFile(log)
		return strings.Contains(string(b), `"GET /assets/site.css?v=1 HTTP/1.1" 200 7 `) &&
			strings.Contains(string(b), `"HEAD /assets/site.css HTTP/1.1" 200 0 `)
	})
	old := f.dial()
	old.send("GET /assets/site.css HTTP/1.0\r\n\r\n").expect(200, "body {}")
	old.expectEnd()
}

func TestWhatIsNoFileGoesToTheApp(t *testing.T) {
	f, root := newFiles(t, nil, "a.txt", "file", ".env", "secret", "closed.txt", "secret")
	if err := os.Chmod(filepath.Join(root, "public/closed.txt"), 0); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	for _, path := range []string{"/", "/none", "/a.txt/", "/.env", "/closed.txt"} {
		if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != "app" {
			t.Errorf("%s: got %d %q, want the app", path, res.StatusCode, body)
		}
	}
	c.send("GET /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").expect(200, "app")
	for _, path := range []string{"/../a.txt", "/%00", "/a.txt%00", "/%zz"} {
		if res, _ := f.dial().fetch("GET", path); res.StatusCode != 400 {
			t.Errorf("%s: got %d, want 400", path, res.StatusCode)
		}
	}
	off, _ := newFiles(t, func(_ *conf.Server, a *conf.App) { a.Public = "" }, "a.txt", "file")
	off.dial().send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "app")
}

func TestConnectionGoesOnAfterEachAnswerAboutAFile(t *testing.T) {
	f, _ := newFiles(t, nil, "x.txt", "0123456789")
	c := f.dial()
	for _, test := range []struct {
		line   string
		status int
		length string
		body   string
	}{
		{"Range: bytes=2-4", 206, "3", "234"},
		{"Range: bytes=10-", 416, "0", ""},
		{`If-None-Match: "65bdbb72-a"`, 304, "", ""},
		{`If-Match: "x"`, 412, "0", ""},
		{"If-None-Match: x", 200, "10", "0123456789"},
	} {
		res, body := c.fetch("GET", "/x.txt", test.line)
		if res.StatusCode != test.status || res.Header.Get("Content-Length") != test.length || body != test.body {
			t.Errorf("%q: got %d %q %v, want %d %q", test.line, res.StatusCode, body, res.Header, test.status, test.body)
		}
	}
	if res, _ := c.fetch("HEAD", "/x.txt", "Range: bytes=2-4"); res.StatusCode != 200 || res.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD with a range: %d %v", res.StatusCode, res.Header)
	}
}

func TestLargeFileGoesOutAtTheClientsSpeed(t *testing.T) {
	const size = 30 << 20
	content := strings.Repeat("0123456789abcdef", size/16)
	f, _ := newFiles(t, one, "big.iso", content)
	slow := f.dialSlowly(64 << 10)
	slow.send("GET /big.iso HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := slow.Peek(1); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	c.send(get).expect(200, "app")
	if _, body := c.fetch("GET", "/big.iso", "Range: bytes=20000000-29999999"); body != content[20000000:30000000] {
		t.Errorf("a large range: %d bytes", len(body))
	}
	if _, body := slow.answer("GET"); body != content {
		t.Errorf("the slow reader got %d bytes, want %d", len(body), size)
	}
	slow.send(get).expect(200, "app")
}

func TestFileThatIsTruncatedMeanwhileNeverEndsCleanly(t *testing.T) {
	const size = 30 << 20
	f, root := newFiles(t, nil, "big.iso", strings.Repeat("x", size))
	c := f.dialSlowly(64 << 10)
	c.send("GET /big.iso HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := c.Peek(1); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(root, "public", "big.iso"), 1); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, res.Body); err == nil || n >= size {
		t.Errorf("got %d bytes and %v", n, err)
	}
}

func TestRequestsBesidePublicFilesAllocateNothing(t *testing.T) {
	if raceEnabled {
		return
	}
	root := t.TempDir()
	put(t, filepath.Join(root, "public"), "robots.txt", "", "assets/x.css", "")
	f := newFront(t, tinyApp, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = root, "public" })
	c := dialBench(t, f.addr)
	buf := make([]byte, 4096)
	for _, path := range []string{"/index", "/posts/1.json"} {
		request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		if n := testing.AllocsPerRun(5000, func() { roundTrip(t, c, request, buf) }); n > 0.01 {
			t.Errorf("%s: %v allocations per request, want none", path, n)
		}
	}
}

func TestAssetsOfThePreviousReleaseStayReachableDuringTheRoll(t *testing.T) {
	home := t.TempDir()
	put(t, home, "1/public/assets/old.css", "old", "1/public/both.txt", "1", "1/public/page.html", "stale",
		"2/public/assets/new.css", "new", "2/public/both.txt", "2")
	hold := make(chan struct{})
	f := newFront(t, func(t testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			if strings.HasPrefix(head, "GET /hold") {
				<-hold
			}
			c.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp")
		}
	}, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = filepath.Join(home, "1"), "public" })
	c, held := f.dial(), f.dial()
	c.send(get).expect(200, "app")
	held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
	f.await("it is lent", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	f.restart(filepath.Join(home, "2"))
	f.await("the new release serves", func() bool {
		_, body := c.fetch("GET", "/both.txt")
		return body == "2"
	})
	for path, want := range map[string]string{"/assets/new.css": "new", "/assets/old.css": "old", "/both.txt": "2", "/page": "app"} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	close(hold)
	held.expect(200, "app")
}

// TestRestartsLeakNoFolder: while files are fetched all the time.
func TestRestartsLeakNoFolder(t *testing.T) {
	home := t.TempDir()
	for i := range 2 {
		put(t, home, fmt.Sprintf("%d/public/assets/x.css", i), "file")
		public := filepath.Join(home, fmt.Sprintf("%d/public", i))
		if err := os.Symlink(filepath.Join(public, "assets"), filepath.Join(public, "linked")); err != nil {
			t.Fatal(err)
		}
	}
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Root, a.Public = filepath.Join(home, "0"), "public" })
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 2 {
		c := f.dial()
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, path := range []string{"/assets/x.css", "/linked/x.css"} {
					if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != "file" {
						t.Errorf("got %d %q, want the file", res.StatusCode, body)
						return
					}
				}
			}
		})
	}
	f.restarted(filepath.Join(home, "1"))
	before := openDescriptors(t)
	for i := range 100 {
		f.restarted(filepath.Join(home, fmt.Sprint(i%2)))
	}
	close(stop)
	clients.Wait()
	f.dial().send("GET /assets/x.css HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "file") // a last look
	f.await("the descriptors are about as many as before", func() bool { return openDescriptors(t) < before+10 })
}

func openDescriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
