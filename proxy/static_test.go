package proxy

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/proxy/wire"
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
func (c *client) fetch(method, path string, lines ...string) (*http.Response, string) {
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

func TestWhatIsNoFileToServeGoesToTheApp(t *testing.T) {
	f, root := newFiles(t, nil, "a.txt", "file", "dir/b.txt", "file", ".env", "secret", "dir/.git/config", "secret",
		".well-known/x", "file", ".well-known/.y", "secret", "a b%.txt", "file", "ü.txt", "file", "back\\slash", "file")
	put(t, root, "secret.txt", "secret")
	if err := unix.Mkfifo(filepath.Join(root, "public", "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	for _, path := range []string{"/a.txt", "//a.txt", "/./a.txt", "/dir/../a.txt", "/%61.txt", "/dir/b.txt", "/dir//b.txt",
		"/.well-known/x", "/a%20b%25.txt", "/%C3%BC.txt", "/back%5cslash", "/a.txt?x=/../y"} {
		if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != "file" {
			t.Errorf("%s: got %d %q, want the file", path, res.StatusCode, body)
		}
	}
	for _, path := range []string{"/", "/dir", "/dir/", "/none", "/a.txt/", "/a.txt/x", "/.env", "/%2eenv", "/dir/.git/config",
		"/.well-known/.y", "/dir%2fb.txt", "/dir/..%2f..%2fsecret.txt", "/..%2fsecret.txt", "/A.TXT", "/fifo",
		"/" + strings.Repeat("x", 300), "/" + strings.Repeat("x/", 1000)} {
		if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != "app" {
			t.Errorf("%s: got %d %q, want the app", path, res.StatusCode, body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get"} {
		if _, body := c.fetch(method, "/a.txt"); body != "app" {
			t.Errorf("%s: got %q, want the app", method, body)
		}
	}
	for _, path := range []string{"/../a.txt", "/%00", "/a.txt%00", "/%zz"} {
		if res, _ := f.dial().fetch("GET", path); res.StatusCode != 400 {
			t.Errorf("%s: got %d, want 400", path, res.StatusCode)
		}
	}
	off, _ := newFiles(t, func(_ *conf.Server, a *conf.App) { a.Public = "" }, "a.txt", "file")
	off.dial().send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "app")
}

// FuzzFileName: no path leads out of a folder, or to what is hidden in it.
func FuzzFileName(f *testing.F) {
	for _, path := range []string{"/a/b.txt", "/%2e%2e/x", "/a/..%2fb", "/.well-known/x", "/a/.b", "/%25%32%65", "/blog/%2Fx", "/%C3%BC"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		var r wire.Request
		if r.Parse([]byte("GET /"+strings.TrimPrefix(path, "/")+" HTTP/1.1\r\nHost: a\r\n\r\n")) != nil {
			return
		}
		name, ok := (&public{path: "/"}).fileName(nil, &r)
		if !ok || len(name) == 0 {
			return
		}
		if !fs.ValidPath(strings.TrimSuffix(string(bytes.ToValidUTF8(name, []byte("?"))), "/")) || bytes.IndexByte(name, 0) >= 0 {
			t.Errorf("%q became %q", path, name)
		}
		for i, part := range strings.Split(string(name), "/") {
			if strings.HasPrefix(part, ".") && (i > 0 || part != ".well-known") {
				t.Errorf("%q became %q, which is hidden", path, name)
			}
		}
	})
}

func TestStoredPagesAreServedAsPassengerDoes(t *testing.T) {
	f, _ := newFiles(t, nil, "index.html", "home", "posts.html", "posts", "posts/index.html", "all posts", "posts/1.html", "one", "raw", "raw", "raw.html", "page")
	c := f.dial()
	for path, want := range map[string]string{"/": "home", "/posts": "posts", "/posts/": "all posts", "/posts/1": "one",
		"/posts/2": "app", "/raw": "raw", "/posts.html": "posts", "/none/": "app"} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
}

func TestFilesOfAnAppBelowAPath(t *testing.T) {
	f, _ := newFiles(t, func(_ *conf.Server, a *conf.App) { a.Path = "/blog" }, "x.css", "file", "blog/y.css", "wrong", "index.html", "home")
	c := f.dial()
	for path, want := range map[string]string{"/blog/x.css": "file", "/blog/y.css": "app", "/blog": "home", "/blog/": "home", "/blog/./x.css": "file"} {
		if _, body := c.fetch("GET", path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
}

func TestConditionsOnAFile(t *testing.T) {
	f, _ := newFiles(t, nil, "x.txt", "0123456789")
	c := f.dial()
	const tag, date = `"65bdbb72-a"`, "Sat, 03 Feb 2024 04:05:06 GMT"
	for _, test := range []struct {
		lines  string
		status int
		body   string
	}{
		{"If-None-Match: " + tag, 304, ""},
		{"If-None-Match: W/" + tag, 304, ""},
		{`If-None-Match: "x", ` + tag, 304, ""},
		{"If-None-Match: *", 304, ""},
		{`If-None-Match: "x"`, 200, "0123456789"},
		{`If-None-Match: "x"` + "\r\nIf-Modified-Since: " + date, 200, "0123456789"},
		{"If-Modified-Since: " + date, 304, ""},
		{"If-Modified-Since: Sat, 03 Feb 2024 04:05:07 GMT", 200, "0123456789"}, // rolled back meanwhile
		{"If-Modified-Since: yesterday", 200, "0123456789"},
		{"Range: bytes=2-4", 206, "234"},
		{"Range: bytes=0-0", 206, "0"},
		{"Range: bytes=7-", 206, "789"},
		{"Range: bytes=7-100", 206, "789"},
		{"Range: bytes=-3", 206, "789"},
		{"Range: bytes=-100", 206, "0123456789"},
		{"Range: bytes=10-", 416, ""},
		{"Range: bytes=-0", 416, ""},
		{"Range: bytes=9223372036854775807-", 416, ""},
		{"Range: bytes=4-2", 200, "0123456789"},
		{"Range: bytes=1-2,4-5", 200, "0123456789"},
		{"Range: bytes=x", 200, "0123456789"},
		{"Range: bytes=-", 200, "0123456789"},
		{"Range: bytes=99999999999999999999-", 200, "0123456789"},
		{"Range: lines=1-2", 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: " + tag, 206, "234"},
		{"Range: bytes=2-4\r\nIf-Range: W/" + tag, 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: \"x\"", 200, "0123456789"},
		{"Range: bytes=2-4\r\nIf-Range: " + date, 206, "234"},
		{"Range: bytes=2-4\r\nIf-Range: Sat, 03 Feb 2024 04:05:07 GMT", 200, "0123456789"},
	} {
		res, body := c.fetch("GET", "/x.txt", test.lines)
		if res.StatusCode != test.status || body != test.body {
			t.Errorf("%q: got %d %q, want %d %q", test.lines, res.StatusCode, body, test.status, test.body)
		}
		want := ""
		switch test.status {
		case 206:
			at := strings.Index("0123456789", test.body)
			want = fmt.Sprintf("bytes %d-%d/10", at, at+len(test.body)-1)
		case 416:
			want = "bytes */10"
		}
		if got := res.Header.Get("Content-Range"); got != want {
			t.Errorf("%q: Content-Range %q, want %q", test.lines, got, want)
		}
	}
	if res, _ := c.fetch("HEAD", "/x.txt", "Range: bytes=2-4"); res.StatusCode != 200 || res.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD with a range: %d %v", res.StatusCode, res.Header)
	}
	empty, _ := newFiles(t, nil, "empty", "")
	res, body := empty.dial().fetch("GET", "/empty")
	if res.StatusCode != 200 || body != "" || res.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("an empty file: %d %q %v", res.StatusCode, body, res.Header)
	}
}

func TestLargeFileGoesOutAtTheClientsSpeed(t *testing.T) {
	const size = 30 << 20
	content := strings.Repeat("0123456789abcdef", size/16)
	f, _ := newFiles(t, one, "big.iso", content)
	slow := f.dial()
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
	c := f.dial()
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
