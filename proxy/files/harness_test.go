package files

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
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

func symlink(t testing.TB, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// A site is an app whose static files are asked for.
type site struct {
	*Public
	t        testing.TB
	releases atomic.Pointer[[]pool.Release]
	now      atomic.Int64
	log      bytes.Buffer
}

// newSite is a site with one release, whose folder is public.
func newSite(t testing.TB, release string, change func(*Config)) *site {
	s := &site{t: t}
	s.deploy(release)
	c := Config{Releases: func() []pool.Release { return *s.releases.Load() }, Folder: "public", Path: "/",
		Now: s.now.Load, Fingerprinted: true, Precompressed: true, Allowance: NewAllowance(100, 1<<20), Log: hclog.New(&hclog.LoggerOptions{Output: &s.log})}
	if change != nil {
		change(&c)
	}
	s.Public = New(c)
	t.Cleanup(s.Close)
	return s
}

// newFiles is a site with these files below public.
func newFiles(t testing.TB, files ...string) (s *site, root string) {
	root = t.TempDir()
	put(t, filepath.Join(root, "public"), files...)
	return newSite(t, root, nil), root
}

// deploy says which releases there are, newest first.
func (s *site) deploy(paths ...string) {
	releases := make([]pool.Release, len(paths))
	for i, path := range paths {
		releases[i].Path = path
	}
	s.releases.Store(&releases)
}

// later has the time pass after which another look is due.
func (s *site) later() { s.now.Add(int64(lookAgain)) }

// An answer is what the client would get: a file, or the word of the app.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) fetch(method, path string, lines ...string) answer {
	s.t.Helper()
	var r wire.Request
	if err := r.Parse([]byte(method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n")); err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	f, err := s.Open(&r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if f == nil {
		return answer{status: 200, body: "app"}
	}
	defer func() { _ = f.Close() }()
	p := f.Part(&r)
	a := answer{status: p.Status, header: http.Header{}}
	for _, field := range f.AppendFields(nil, p) {
		a.header.Add(string(field.Name), string(field.Value))
	}
	a.body = f.part(s.t, p)
	return a
}

// part is what is sent of a file.
func (f *File) part(t testing.TB, p Part) string {
	t.Helper()
	if p.N == 0 {
		return ""
	}
	if p.Several != nil {
		all := ""
		for _, piece := range p.Several.Pieces {
			all += string(piece.Head) + f.part(t, Part{From: piece.From, N: piece.N})
		}
		return all + string(p.Several.End)
	}
	if f.Content() != nil {
		return string(f.Content()[p.From : p.From+p.N])
	}
	body, err := io.ReadAll(io.NewSectionReader(f, p.From, p.N))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// expect fetches paths and compares what comes, "app" where there must be no file.
func (s *site) expect(want map[string]string) {
	s.t.Helper()
	for path, body := range want {
		if got := s.fetch("GET", path).body; got != body {
			s.t.Errorf("%s: got %q, want %q", path, got, body)
		}
	}
}
