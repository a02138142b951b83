package files

import "testing"

func TestAFolderIsRedirectedToItsSlash(t *testing.T) {
	s, _ := newFiles(t, "docs/index.html", "docs", "docs/a b/index.html", "deep", "bare/x.txt", "x", "page.html", "page", "page/index.html", "folder",
		"index.html", "home")
	for path, want := range map[string]string{
		"/docs":              "/docs/",
		"/docs?a=1&b=/%2f?":  "/docs/?a=1&b=/%2f?",
		"//docs":             "/docs/", // and not to a host of that name
		"/x/..//docs":        "/docs/",
		"/docs/a%20b?q":      "/docs/a%20b/?q",
		"/%64ocs":            "/docs/",
		"http://evil/docs?x": "/docs/?x",
	} {
		got := s.fetch("GET", path)
		if got.status != 301 || got.header.Get("Location") != want || got.body != "" || len(got.header) != 1 {
			t.Errorf("%s: got %d to %q", path, got.status, got.header)
		}
	}
	s.expect(map[string]string{"/docs/": "docs", "/docs/a%20b/": "deep", "/page": "page", "/page/": "folder", "/": "home",
		"/bare": "app", "/bare/": "app", "/docs/none": "app", "/docs//": "docs"})
	if got := s.fetch("POST", "/docs"); got.body != "app" {
		t.Errorf("a POST: %+v", got)
	}
	below := newSite(t, s.config.Releases()[0].Path, func(c *Config) { c.Path = "/blog" })
	if got := below.fetch("GET", "/blog/docs?x").header.Get("Location"); got != "/blog/docs/?x" {
		t.Errorf("below a path it leads to %q", got)
	}
	if got := below.fetch("GET", "/blog").body; got != "home" && got != "app" {
		t.Errorf("the path itself: %q", got)
	}
}

func TestOnlyFoldersOfTheNewestReleaseAreRedirected(t *testing.T) {
	s, root := newFiles(t, "docs/index.html", "old")
	next := t.TempDir()
	put(t, next, "public/x", "")
	s.deploy(next, root)
	s.expect(map[string]string{"/docs": "app", "/docs/": "app"})
}
