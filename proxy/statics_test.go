package proxy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"purser/conf"
)

func TestFurtherFoldersAnswerBelowTheirPaths(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "downloads")
	put(t, elsewhere, "a.css", "body {}", "deep/b.txt", "deep", "index.html", "index", ".env", "secret", "both.txt", "outer", "page.html", "page")
	f, root := newFiles(t, func(_ *conf.Server, a *conf.App) {
		a.Static = []conf.Static{{Path: "/get", Folder: elsewhere, MaxAge: time.Hour}, {Path: "/get/inner", Folder: "inner"}}
	}, "get/public.txt", "public")
	put(t, root, "inner/both.txt", "inner", "inner/c.txt", "c")
	c := f.dial()
	for path, want := range map[string]string{
		"/get/a.css": "body {}", "/get/deep/b.txt": "deep", "/get/": "index", "/get/page": "page", "/%67et/a.css": "body {}", "//get//a.css?v=1": "body {}", "/x/../get/a.css": "body {}",
		"/get/both.txt": "outer", "/get/inner/both.txt": "inner", "/get/inner/c.txt": "c",
		"/get/inner/a.css": "app", "/get": "app", "/getter/a.css": "app", "/a.css": "app", "/get/.env": "app", "/get/none": "app", "/get/%2e%2e/get/../inner/c.txt": "app",
		"/get/public.txt": "public", // what is not there may be in public
	} {
		if res, body := c.fetch("GET", path); res.StatusCode != 200 || body != want {
			t.Errorf("%s: got %d %q, want %q", path, res.StatusCode, body, want)
		}
	}
	res, _ := c.fetch("GET", "/get/a.css")
	expectHeader(t, res.Header, "Cache-Control", "public, max-age=3600", "Content-Type", "text/css; charset=utf-8", "Etag", `"65bdbb72-7"`)
	if res, _ := c.fetch("GET", "/get/a.css", `If-None-Match: "65bdbb72-7"`); res.StatusCode != 304 || res.Header.Get("Cache-Control") == "" {
		t.Errorf("what is not modified: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := c.fetch("GET", "/get/a.css", "Range: bytes=100-"); res.StatusCode != 416 || res.Header.Get("Cache-Control") != "" {
		t.Errorf("what cannot be had: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := c.fetch("GET", "/get/inner/c.txt"); res.Header.Get("Cache-Control") != "" {
		t.Errorf("a folder without max_age says %q", res.Header.Get("Cache-Control"))
	}
	if res, body := c.fetch("POST", "/get/a.css", "Content-Length: 0"); res.StatusCode != 200 || body != "app" {
		t.Errorf("POST: %d %q", res.StatusCode, body)
	}
}

func TestFurtherFoldersOfAnAppAtAPathAreBelowThat(t *testing.T) {
	elsewhere := t.TempDir()
	put(t, elsewhere, "x.txt", "file")
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) {
		a.Path, a.Static = "/blog", []conf.Static{{Path: "/get", Folder: elsewhere}}
	})
	f.dial().send("GET /blog/get/x.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "file")
	f.dial().send("GET /blog/x.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, "hello")
}

func TestFurtherFolderOfOldReleasesGoesOnDuringTheRoll(t *testing.T) {
	home := t.TempDir()
	put(t, home, "1/dist/old.js", "old", "2/dist/new.js", "new")
	hold := make(chan struct{})
	f := newFront(t, func(_ testing.TB, c *appConn) {
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
	}, func(_ *conf.Server, a *conf.App) {
		a.Root, a.Static = filepath.Join(home, "1"), []conf.Static{{Path: "/js", Folder: "dist"}}
	})
	held, c := f.dial(), f.dial()
	held.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
	f.await("it is lent", func() bool { return f.group.Snapshot().Processes[0].Requests == 1 })
	f.restart(filepath.Join(home, "2"))
	f.await("the new release serves", func() bool {
		_, body := c.fetch("GET", "/js/new.js")
		return body == "new"
	})
	if _, body := c.fetch("GET", "/js/old.js"); body != "old" {
		t.Errorf("of the old release comes %q", body)
	}
	close(hold)
	held.expect(200, "app")
}

// A reload keeps open what it does not change, and closes the rest.
func TestFoldersComeAndGoWithAReload(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	put(t, first, "x.txt", "first")
	put(t, second, "x.txt", "second")
	f := newFront(t, hello, func(_ *conf.Server, a *conf.App) { a.Static = []conf.Static{{Path: "/get", Folder: first}} })
	expect := func(want string) {
		t.Helper()
		f.dial().send("GET /get/x.txt HTTP/1.1\r\nHost: a\r\n\r\n").expect(200, want)
	}
	reload := func(folders ...conf.Static) {
		next := f.config
		next.Apps = slices.Clone(next.Apps)
		next.Apps[0].Static = folders
		f.server.Change(next)
	}
	open := func() bool {
		entries, _ := os.ReadDir("/proc/self/fd")
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			target, _ := os.Readlink("/proc/self/fd/" + e.Name())
			return target == first
		})
	}
	expect("first")
	same := f.server.current.Load().routes.only.static[0].public
	reload(conf.Static{Path: "/get", Folder: first})
	if now := f.server.current.Load().routes.only.static[0].public; now != same {
		t.Error("a folder that is the same was opened anew")
	}
	expect("first")
	reload(conf.Static{Path: "/get", Folder: second})
	expect("second")
	f.await("the first is closed", func() bool { return !open() })
	reload()
	expect("hello")
}
