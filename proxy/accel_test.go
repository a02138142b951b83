package proxy

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"purser/conf"
)

// naming is an app that answers with the field, and further ones, that the request has in X-Say, parted by "|".
func naming(status, body string) script {
	return func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			_, said, _ := strings.Cut(head, "X-Say: ")
			said, _, _ = strings.Cut(said, "\r\n")
			c.send("HTTP/1.1 %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s", status, strings.ReplaceAll(said, "|", "\r\n"), len(body), body)
		}
	}
}

// newSender is a front whose app may have files sent from a store outside its root.
func newSender(t testing.TB, do script, change func(*conf.Server, *conf.App), files ...string) (f *front, store string) {
	store = filepath.Join(t.TempDir(), "store")
	put(t, store, files...)
	return newFront(t, do, func(s *conf.Server, a *conf.App) {
		a.Accel, a.Sendfile = map[string]string{"/protected/": store}, []string{store}
		if change != nil {
			change(s, a)
		}
	}), store
}

func TestFileIsSentInThePlaceOfTheAnswerThatNamesIt(t *testing.T) {
	f, store := newSender(t, naming("200 OK", ""), nil, "a b.pdf", "0123456789", "sub/c.txt", "deep")
	c := f.dial()
	for _, say := range []string{"X-Accel-Redirect: /protected/a%20b.pdf", "x-accel-redirect: /protected//a b.pdf?query=dropped", "X-Sendfile: " + store + "/a b.pdf"} {
		for range 2 {
			res, body := c.fetch("GET", "/download", "X-Say: "+say)
			if res.StatusCode != 200 || body != "0123456789" {
				t.Fatalf("%s: got %d %q", say, res.StatusCode, body)
			}
			expectHeader(t, res.Header, "Content-Type", "application/pdf", "Content-Length", "10", "Etag", `"65bdbb72-a"`,
				"Last-Modified", "Sat, 03 Feb 2024 04:05:06 GMT", "Accept-Ranges", "bytes", "X-Accel-Redirect", "", "X-Sendfile", "")
		}
	}
	if res, _ := c.fetch("GET", "/", "X-Say: X-Accel-Redirect: /protected/a%20b.pdf|Content-Type:"); res.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("an empty type is not the file's: %q", res.Header["Content-Type"])
	}
	if res, body := c.fetch("HEAD", "/", "X-Say: X-Accel-Redirect: /protected/sub/c.txt"); res.StatusCode != 200 || body != "" || res.ContentLength != 4 {
		t.Errorf("HEAD: %d %q, length %d", res.StatusCode, body, res.ContentLength)
	}
}

func TestConditionsAndRangesAreTheFiles(t *testing.T) {
	f, _ := newSender(t, naming("200 OK", "not sent"), nil, "x.txt", "0123456789")
	c := f.dial()
	for _, test := range []struct {
		line   string
		status int
		body   string
		kind   string
	}{
		{"Range: bytes=2-4", 206, "234", "text/csv"},
		{"Range: bytes=10-", 416, "", ""},
		{`If-None-Match: "65bdbb72-a"`, 304, "", ""},
		{`If-Match: "x"`, 412, "", ""},
		{"X: 1", 200, "0123456789", "text/csv"},
	} {
		res, body := c.fetch("GET", "/", test.line, "X-Say: X-Accel-Redirect: /protected/x.txt|Content-Type: text/csv|ETag: \"app\"")
		if res.StatusCode != test.status || body != test.body || res.Header.Get("Content-Type") != test.kind || res.Header.Get("Etag") == `"app"` {
			t.Errorf("%s: got %d %q %v", test.line, res.StatusCode, body, res.Header)
		}
	}
}

// What nginx keeps of an app's answer beside X-Accel-Redirect is little; what others keep beside X-Sendfile is all but
// what is about the file.
func TestSeveralRangesAreOfTheTypeThatTheAppSays(t *testing.T) {
	f, _ := newSender(t, naming("200 OK", ""), nil, "x.bin", "0123456789")
	res, body := f.dial().fetch("GET", "/", "X-Say: X-Accel-Redirect: /protected/x.bin|Content-Type: text/csv", "Range: bytes=0-1,4-5")
	kind, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || res.StatusCode != 206 || kind != "multipart/byteranges" {
		t.Fatalf("got %d %q", res.StatusCode, res.Header["Content-Type"])
	}
	parts := multipart.NewReader(strings.NewReader(body), parameters["boundary"])
	for _, want := range []string{"01", "45"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(part); string(got) != want || part.Header.Get("Content-Type") != "text/csv" {
			t.Errorf("a part: %q, %v", got, part.Header)
		}
	}
}

func TestFieldsOfTheAppThatAreSentWithAFile(t *testing.T) {
	f, store := newSender(t, naming("403 Forbidden", "no"), nil, "x.txt", "file")
	const said = `|Content-Type: text/x-own|Content-Disposition: attachment; filename="y"|Set-Cookie: a=1|Set-Cookie: b=2|Cache-Control: private|` +
		`Expires: Thu, 01 Jan 1970 00:00:01 GMT|ETag: "app"|Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT|X-Own: 1|Vary: Cookie|Content-Encoding: br`
	for say, own := range map[string]string{"X-Accel-Redirect: /protected/x.txt": "", "X-Sendfile: " + store + "/x.txt": "1"} {
		res, body := f.dial().fetch("POST", "/", "Content-Length: 0", "X-Say: "+say+said)
		if res.StatusCode != 200 || body != "file" {
			t.Errorf("%s: got %d %q", say, res.StatusCode, body)
		}
		expectHeader(t, res.Header, "Content-Type", "text/x-own", "Content-Disposition", `attachment; filename="y"`, "Cache-Control", "private",
			"Expires", "Thu, 01 Jan 1970 00:00:01 GMT", "Etag", `"65bdbb72-4"`, "Last-Modified", "Sat, 03 Feb 2024 04:05:06 GMT", "X-Own", own)
		if cookies := res.Header["Set-Cookie"]; !slices.Equal(cookies, []string{"a=1", "b=2"}) {
			t.Errorf("%s: the cookies are %q", say, cookies)
		}
		for _, name := range []string{"Content-Type", "Etag", "Last-Modified", "Cache-Control"} {
			if len(res.Header[name]) != 1 {
				t.Errorf("%s: %s is there %d times", say, name, len(res.Header[name]))
			}
		}
	}
}

func TestNothingElseCanBeSent(t *testing.T) {
	f, store := newSender(t, naming("200 OK", ""), nil, "x.txt", "file", "sub/y.txt", "deep", "..z", "two dots in a name")
	beside := filepath.Join(filepath.Dir(store), "beside")
	put(t, beside, "secret.txt", "secret")
	put(t, store+"-of-another", "secret.txt", "secret")
	for link, target := range map[string]string{"out": beside, "out.txt": filepath.Join(beside, "secret.txt"), "up": "..", "in.txt": "x.txt", "null": "/dev/null"} {
		if err := os.Symlink(target, filepath.Join(store, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(store, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := f.dial()
	for say, status := range map[string]int{
		"X-Accel-Redirect: /protected/in.txt": 200, "X-Accel-Redirect: /protected/..z": 200, "X-Accel-Redirect: /protected/./sub/y.txt": 200,
		"X-Accel-Redirect: /protected/sub%2Fy.txt": 200, // as nginx: the path is decoded as a whole

		"X-Accel-Redirect: /protected/none": 404, "X-Accel-Redirect: /protected/": 404, "X-Accel-Redirect: /protected": 404, "X-Accel-Redirect: /protected/sub": 404,
		"X-Accel-Redirect: /protected/x.txt/": 404, "X-Accel-Redirect: /protected/x.txt%00": 404, "X-Accel-Redirect: /protected/%zz": 404,
		"X-Accel-Redirect: /protected/../x.txt": 404, "X-Accel-Redirect: /protected/sub/../x.txt": 404, "X-Accel-Redirect: /protected/%2e%2e/beside/secret.txt": 404,
		"X-Accel-Redirect: /protected/..%2fbeside/secret.txt": 404, "X-Accel-Redirect: /protected/.%2e/beside/secret.txt": 404, "X-Accel-Redirect: /protected/out/secret.txt": 404,
		"X-Accel-Redirect: /protected/out.txt": 404, "X-Accel-Redirect: /protected/up/beside/secret.txt": 404, "X-Accel-Redirect: /protected/null": 404,
		"X-Accel-Redirect: /protected/pipe": 404, "X-Accel-Redirect: /protected/" + strings.Repeat("n", 300): 404,

		"X-Accel-Redirect: /protected-of-another/secret.txt": 502, "X-Accel-Redirect: @named": 502, "X-Accel-Redirect: protected/x.txt": 502, "X-Accel-Redirect:": 502,
		"X-Accel-Redirect: /elsewhere": 502, "X-Accel-Redirect: /PROTECTED/x.txt": 502, "X-Accel-Redirect: //protected/x.txt": 502,
		"X-Lighttpd-Send-File: " + store + "/x.txt": 502, "X-Reproxy-URL: http://127.0.0.1/": 502,

		"X-Sendfile: " + store + "/in.txt": 200, "X-Sendfile: " + store: 404, "X-Sendfile: " + store + "/": 404, "X-Sendfile: x.txt": 404, "X-Sendfile:": 404,
		"X-Sendfile: " + store + "/../beside/secret.txt": 404, "X-Sendfile: " + beside + "/secret.txt": 404, "X-Sendfile: " + store + "-of-another/secret.txt": 404,
		"X-Sendfile: " + store + "/out/secret.txt": 404, "X-Sendfile: " + store + "/pipe": 404, "X-Sendfile: /etc/passwd": 404, "X-Sendfile: " + store + "/%78.txt": 404,
	} {
		res, body := c.fetch("GET", "/", "X-Say: "+say)
		reason := map[int]string{200: "", 404: "no_file", 502: "bad_response"}[status]
		if res.StatusCode != status || res.Header.Get("Purser-Error") != reason || strings.Contains(body, "secret") || strings.Contains(body, store) {
			t.Errorf("%s: got %d %s %q, want %d %s", say, res.StatusCode, res.Header.Get("Purser-Error"), body, status, reason)
		}
	}
	f.expectLog("cannot be sent", "may read in "+store, "no_file")
	f.await("the process is as it was", func() bool {
		group := f.group.Snapshot()
		return len(group.Processes) == 1 && group.Processes[0].Number == 1 && group.Processes[0].Requests == 0
	})
}

// A process that takes one request at a time takes the next while a client still reads its file.
func TestProcessIsGivenBackBeforeItsFileIsSent(t *testing.T) {
	const size = 30 << 20
	content := strings.Repeat("0123456789abcdef", size/16)
	for name, body := range map[string]string{"without a body": "", "with one": strings.Repeat("x", 1<<20)} {
		t.Run(name, func(t *testing.T) {
			f, _ := newSender(t, naming("200 OK", body), one, "big.iso", content)
			slow := f.dialSlowly(64 << 10)
			slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Accel-Redirect: /protected/big.iso\r\n\r\n")
			if _, err := slow.Peek(1); err != nil {
				t.Fatal(err)
			}
			f.dial().send("GET / HTTP/1.1\r\nHost: a\r\nX-Say: X-Other: 1\r\n\r\n").expect(200, body)
			if _, got := slow.answer("GET"); got != content {
				t.Errorf("the slow reader got %d bytes, want %d", len(got), size)
			}
		})
	}
}

// mirroring is an app that answers with the head of its request.
func mirroring(_ testing.TB, c *appConn) {
	for {
		head, _ := c.request()
		if head == "" {
			return
		}
		c.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(head), head)
	}
}

func TestTheAppIsToldWhatItMayName(t *testing.T) {
	const lies = "X-Sendfile-Type: X-Lie\r\nX-Accel-Mapping: /=/lie/\r\n"
	for name, c := range map[string]struct {
		change     func(*conf.Server, *conf.App)
		kind, maps string
	}{
		"paths":               {func(_ *conf.Server, a *conf.App) { a.Accel = map[string]string{"/p/": "/srv", "/q": "/srv/q"} }, "X-Accel-Redirect", "/srv/q/=/q/, /srv/=/p/"},
		"files":               {func(_ *conf.Server, a *conf.App) { a.Sendfile = []string{"/srv"} }, "X-Sendfile", ""},
		"to a trusted client": {func(s *conf.Server, a *conf.App) { trusting(s, a); a.Sendfile = []string{"/srv"} }, "X-Sendfile", ""},
		"nothing":             {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn := newFront(t, mirroring, c.change).dial()
			res, body := conn.send("GET / HTTP/1.1\r\nHost: a\r\n" + lies + "\r\n").answer("GET")
			if res.StatusCode != 200 || strings.Contains(strings.ToLower(body), "lie") {
				t.Errorf("a client's word reaches the app: %q", body)
			}
			for field, want := range map[string]string{"X-Sendfile-Type": c.kind, "X-Accel-Mapping": c.maps} {
				_, said, _ := strings.Cut(body, field+": ")
				if said, _, _ = strings.Cut(said, "\r\n"); said != want {
					t.Errorf("%s is %q, want %q", field, said, want)
				}
			}
		})
	}
}

// A folder below a root that is a link is that of each release: old processes name files in theirs.
func TestFoldersBelowTheRootAreThoseOfEachRelease(t *testing.T) {
	home := t.TempDir()
	put(t, home, "1/files/x.txt", "one", "2/files/x.txt", "two")
	current := filepath.Join(home, "current")
	do := func(_ testing.TB, c *appConn) {
		for {
			head, _ := c.request()
			if head == "" {
				return
			}
			_, mapping, _ := strings.Cut(head, "X-Accel-Mapping: ")
			mapping, _, _ = strings.Cut(mapping, "\r\n")
			_, path, _ := strings.Cut(head, " ")
			path, _, _ = strings.Cut(path, " ")
			c.send("HTTP/1.1 200 OK\r\nX-Sendfile: %s%s\r\nX-Mapping: %s\r\nContent-Length: 0\r\n\r\n", home, path, mapping)
		}
	}
	f := newFront(t, do, func(_ *conf.Server, a *conf.App) {
		a.Root, a.Sendfile, a.Accel = current, []string{current + "/files"}, map[string]string{"/p": current + "/files"}
	})
	f.restarted(filepath.Join(home, "1"))
	c := f.dial()
	if res, body := c.fetch("GET", "/1/files/x.txt"); body != "one" || res.Header.Get("X-Mapping") != fmt.Sprintf("%s/files/=/p/, %s/1/files/=/p/", current, home) {
		t.Errorf("got %q, told %q", body, res.Header.Get("X-Mapping"))
	}
	f.restarted(filepath.Join(home, "2"))
	if res, body := c.fetch("GET", "/2/files/x.txt"); body != "two" || !strings.Contains(res.Header.Get("X-Mapping"), home+"/2/files/=/p/") {
		t.Errorf("after a restart: got %q, told %q", body, res.Header.Get("X-Mapping"))
	}
}

func TestCharsetIsSet(t *testing.T) {
	f, _ := newSender(t, naming("200 OK", "text"), nil, "x.html", "file", "x.png", "file")
	c := f.dial()
	for say, want := range map[string]string{
		"X-Accel-Charset: koi8-r|Content-Type: text/plain":                          "text/plain; charset=koi8-r",
		"Content-Type: text/plain; charset=utf-8|X-Accel-Charset: koi8-r":           "text/plain; charset=koi8-r",
		"X-Accel-Charset: koi8-r|Content-Type: image/png":                           "image/png",
		"X-Accel-Charset: off|Content-Type: text/plain":                             "text/plain",
		"X-Accel-Charset: a, b|Content-Type: text/plain":                            "text/plain",
		"X-Accel-Charset: koi8-r|X-Accel-Redirect: /protected/x.html":               "text/html; charset=koi8-r",
		"X-Accel-Charset: koi8-r|X-Accel-Redirect: /protected/x.png":                "image/png",
		"X-Accel-Redirect: /protected/x.png|X-Accel-Charset: b|Content-Type: text/": "text/; charset=b",
	} {
		if res, _ := c.fetch("GET", "/", "X-Say: "+say); res.Header.Get("Content-Type") != want {
			t.Errorf("%s: got %q, want %q", say, res.Header.Get("Content-Type"), want)
		}
	}
}

// A pin of a visitor is sent with a file, too.
func TestFileOfAPinnedVisitorBringsThePin(t *testing.T) {
	f, _ := newSender(t, naming("200 OK", ""), func(_ *conf.Server, a *conf.App) { a.Affinity = "forward" }, "x.txt", "file")
	res, body := f.dial().fetch("GET", "/", "X-Say: X-Accel-Redirect: /protected/x.txt|Set-Cookie: own=1")
	if body != "file" || len(res.Header["Set-Cookie"]) != 2 {
		t.Errorf("got %q with cookies %q", body, res.Header["Set-Cookie"])
	}
}

func TestFileIsSentToAStreamOfHTTP2(t *testing.T) {
	store := t.TempDir()
	put(t, store, "x.txt", "0123456789")
	f := newFront2(t, answering("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /p/x.txt\r\nContent-Length: 0\r\n\r\n"), func(_ *conf.Server, a *conf.App) { a.Accel = map[string]string{"/p": store} })
	res, body, err := f.fetch2(f.client2(), "GET", "/", nil, "Range", "bytes=3-5")
	if err != nil || res.StatusCode != 206 || body != "345" {
		t.Errorf("got %v %q, %v", res, body, err)
	}
}
