package conf

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sending = `
[apps.blog]
root = "/srv/blog"
sendfile = ["exports", "/srv/files/"]
[[apps.blog.static]]
path = "/downloads/"
folder = "/srv/downloads/"
max_age = "1h"
[[apps.blog.static]]
path = "/docs"
folder = "doc/html"
[apps.blog.accel]
"/protected/" = "/var/files/"
"/own/" = "own"
`

func TestFurtherFoldersAndFilesInPlaceOfAnswersAreReadAndPrinted(t *testing.T) {
	cfg, err := Parse("/etc/purser/purser.toml", []byte(sending))
	if err != nil {
		t.Fatal(err)
	}
	want := defaultApp("blog")
	want.Root, want.Log = "/srv/blog", cfg.Apps[0].Log
	want.Sendfile = []string{"/etc/purser/exports", "/srv/files"}
	want.Static = []Static{{Path: "/downloads", Folder: "/srv/downloads", MaxAge: 3600e9}, {Path: "/docs", Folder: "doc/html"}}
	want.Accel = map[string]string{"/protected/": "/var/files", "/own/": "/etc/purser/own"}
	if diff := cmp.Diff(want, cfg.Apps[0]); diff != "" {
		t.Errorf("it is read as another: %s", diff)
	}
	var printed bytes.Buffer
	if err := cfg.WriteTOML(&printed); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("/elsewhere/purser.toml", printed.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, printed.String())
	}
	if diff := cmp.Diff(cfg.Apps, again.Apps); diff != "" {
		t.Errorf("what is printed is read as another: %s", diff)
	}
}

func TestFoldersHoldWithoutARestart(t *testing.T) {
	older, newer := defaultApp("blog"), defaultApp("blog")
	newer.Static = []Static{{Path: "/a", Folder: "a"}}
	newer.Accel = map[string]string{"/b/": "/b"}
	newer.Sendfile = []string{"/c"}
	d := CompareApps(&older, &newer)
	if want := []string{"sendfile", "static", `accel."/b/"`}; !slices.Equal(d.AtOnce, want) || len(d.Restart) > 0 {
		t.Errorf("at once %q, by a restart %q, want %q and none", d.AtOnce, d.Restart, want)
	}
}

func TestFoldersThatMeanNothingOrTooMuchAreRefused(t *testing.T) {
	const (
		plain  = `must begin with "/", as in "/downloads/", and be plain: without "%", "*", "//" and "..", not `
		inside = "must be a folder inside root, relative to it, or an absolute path, not "
		inner  = `must be a path that begins with "/", as in "/protected/", and is plain: without "%", "*", "//", "..", "," and "=", not `
		sent   = `must be the path of a folder, without "," and "=", not `
	)
	for _, c := range []struct{ line, want string }{
		{"[[apps.a.static]]\npath = '/a'\n", `static.1.folder: ` + inside + `""`},
		{"[[apps.a.static]]\npath = 'a'\nfolder = 'x'\n", "static.1.path: " + plain + `"a"`},
		{"[[apps.a.static]]\npath = '/'\nfolder = 'x'\n", "static.1.path: " + plain + `"/"`},
		{"[[apps.a.static]]\npath = '/a/../b'\nfolder = 'x'\n", "static.1.path: " + plain + `"/a/../b"`},
		{"[[apps.a.static]]\npath = '/a/*'\nfolder = 'x'\n", "static.1.path: " + plain + `"/a/*"`},
		{"[[apps.a.static]]\npath = '/%61'\nfolder = 'x'\n", "static.1.path: " + plain + `"/%61"`},
		{"[[apps.a.static]]\npath = '/a'\nfolder = '../x'\n", "static.1.folder: " + inside + `"../x"`},
		{"[[apps.a.static]]\npath = '/a'\nfolder = '/'\n", "static.1.folder: " + inside + `"/"`},
		{"[[apps.a.static]]\npath = '/a'\nfolder = 'x'\nmax_age = '1ms'\n", `static.1.max_age: must be "0" (nothing is said) or a duration from "1s" to "8760h"`},
		{"[[apps.a.static]]\npath = '/a'\nfolder = 'x'\n[[apps.a.static]]\npath = '/a/'\nfolder = 'y'\n", `static: has the path "/a" twice`},
		{"static = { path = '/a', folder = 'x' }", "static: is written as a list of tables, each headed [[apps.a.static]], not as a table"},
		{"accel.'protected/' = '/srv/x'", `accel."protected/": ` + inner + `"protected/"`},
		{"accel.'/a//' = '/srv/x'", `accel."/a//": ` + inner + `"/a//"`},
		{"accel.'/a=b/' = '/srv/x'", `accel."/a=b/": ` + inner + `"/a=b/"`},
		{"accel.'/a/' = '/'", `accel."/a/": ` + sent + `"/"`},
		{"accel.'/a/' = '/srv/a,b'", `accel."/a/": ` + sent + `"/srv/a,b"`},
		{"accel.'/a/' = 1", `accel."/a/": must be a string, not 1`},
		{"sendfile = ['/']", `sendfile: must be paths of folders, without "," and "=", not "/"`},
		{"sendfile = '/srv/x'", `sendfile: must be a list of strings, not "/srv/x"`},
	} {
		_, err := Parse("p.toml", []byte("[apps.a]\nroot = '/a'\n"+c.line+"\n"))
		if err == nil || !strings.HasSuffix(err.Error(), ": apps.a."+c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.line, err, c.want)
		}
	}
}
