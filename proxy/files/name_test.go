package files

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/proxy/wire"
)

func TestWhatIsNoFileToServeGoesToTheApp(t *testing.T) {
	s, root := newFiles(t, "a.txt", "file", "dir/b.txt", "file", ".env", "secret", "dir/.git/config", "secret",
		".well-known/x", "file", ".well-known/.y", "secret", "a b%.txt", "file", "ü.txt", "file", "back\\slash", "file")
	put(t, root, "secret.txt", "secret")
	if err := unix.Mkfifo(filepath.Join(root, "public", "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a.txt", "//a.txt", "/./a.txt", "/dir/../a.txt", "/%61.txt", "/dir/b.txt", "/dir//b.txt",
		"/.well-known/x", "/a%20b%25.txt", "/%C3%BC.txt", "/back%5cslash", "/a.txt?x=/../y"} {
		s.expect(map[string]string{path: "file"})
	}
	for _, path := range []string{"/", "/dir", "/dir/", "/none", "/a.txt/", "/a.txt/x", "/.env", "/%2eenv", "/dir/.git/config",
		"/.well-known/.y", "/dir%2fb.txt", "/dir/..%2f..%2fsecret.txt", "/..%2fsecret.txt", "/A.TXT", "/fifo",
		"/" + strings.Repeat("x", 300), "/" + strings.Repeat("x/", 1000)} {
		s.expect(map[string]string{path: "app"})
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get"} {
		if got := s.fetch(method, "/a.txt"); got.body != "app" {
			t.Errorf("%s: got %q, want the app", method, got.body)
		}
	}
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
		name, ok := nameBelow("/", r.Path), true
		if r.ReviewPath {
			name, ok = reviewedName(nil, r.Path, "/")
		}
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
	s, _ := newFiles(t, "index.html", "home", "posts.html", "posts", "posts/index.html", "all posts", "posts/1.html", "one", "raw", "raw", "raw.html", "page")
	s.expect(map[string]string{"/": "home", "/posts": "posts", "/posts/": "all posts", "/posts/1": "one",
		"/posts/2": "app", "/raw": "raw", "/posts.html": "posts", "/none/": "app"})
}

func TestFilesOfAnAppBelowAPath(t *testing.T) {
	root := t.TempDir()
	put(t, root, "public/x.css", "file", "public/blog/y.css", "wrong", "public/index.html", "home")
	s := newSite(t, root, func(c *Config) { c.Path = "/blog" })
	s.expect(map[string]string{"/blog/x.css": "file", "/blog/y.css": "app", "/blog": "home", "/blog/": "home", "/blog/./x.css": "file"})
}
