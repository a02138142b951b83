package helper

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"purser/restart/disk"
)

func TestOnlyPagesThatTheConfigurationNamesAreReadAndAsTheUser(t *testing.T) {
	h := newHouse(t, func(g *Grants) { g.Pages = []string{"public/404.html", g.Roots[0] + "/../pages/502.html"} })
	h.own(alice, "app/public/404.html", "app/public/500.html", "pages/502.html", "pages/503.html", "other/public/404.html")
	app := h.path("app")
	for name, want := range map[string]string{"public/404.html": "app/public/404.html", h.path("pages/502.html"): "pages/502.html"} {
		text, err := disk.ReadPage(h.disk, app, name)
		if err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	for _, page := range [][2]string{{app, "public/500.html"}, {app, h.path("pages/503.html")}, {h.path("other"), "public/404.html"}, {app, "public/../public/500.html"}} {
		if text, err := disk.ReadPage(h.disk, page[0], page[1]); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v, which nobody has named, is %q, %v", page, text, err)
		}
	}
	h.own(mallory, "secret")
	h.must(os.Chmod(h.path("secret"), 0o600))
	h.link(h.path("secret"), "app/public/404.html")
	if text, err := disk.ReadPage(h.disk, app, "public/404.html"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("what is mallory's is shown: %q, %v", text, err)
	}
	h.must(os.Remove(h.path("app/public/404.html")))
	h.must(unix.Mkfifo(h.path("app/public/404.html"), 0o644))
	h.must(os.Chown(h.path("app/public/404.html"), alice, alice))
	if text, err := disk.ReadPage(h.disk, app, "public/404.html"); err == nil {
		t.Errorf("a pipe is a page: %q", text)
	}
}

func TestAPageIsBounded(t *testing.T) {
	page := t.TempDir() + "/large.html"
	if err := os.WriteFile(page, make([]byte, disk.MostPage+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := disk.ReadPage(disk.Own, "/", page); err == nil {
		t.Errorf("it is read, all of its %d bytes", len(text))
	}
	if err := os.Truncate(page, disk.MostPage); err != nil {
		t.Fatal(err)
	}
	if text, err := disk.ReadPage(disk.Own, "/", page); err != nil || len(text) != disk.MostPage {
		t.Errorf("it has %d bytes, %v", len(text), err)
	}
}
