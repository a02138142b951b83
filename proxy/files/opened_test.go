package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"purser/proxy/wire"
)

// opened is how many files of the test's folder this process has open.
func (s *site) opened(folder string) (n int) {
	s.t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if path, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(path, folder+"/") && strings.Contains(path, ".txt") {
			n++
		}
	}
	return n
}

func (s *site) takes() (files, bytes int64) {
	return 100 - s.config.Allowance.files.Load(), 1<<20 - s.config.Allowance.bytes.Load()
}

func TestAFileThatIsAskedForAgainLiesOpen(t *testing.T) {
	s, root := newFiles(t, "a.txt", "file", "a.txt.br", "br", "large.txt", strings.Repeat("x", smallFile+1))
	for range 3 {
		s.expect(map[string]string{"/a.txt": "file", "/large.txt": strings.Repeat("x", smallFile+1)})
	}
	if n := s.opened(root); n != 3 {
		t.Errorf("%d files are open, want 3", n)
	}
	if files, bytes := s.takes(); files != 3 || bytes != 6 {
		t.Errorf("they take %d and %d bytes of the allowance", files, bytes)
	}
	s.cache.tidy() // they were asked for
	if n := s.opened(root); n != 3 {
		t.Errorf("%d files are open, want 3", n)
	}
	s.cache.tidy() // and not since
	if n := s.opened(root); n != 0 {
		t.Errorf("%d files that nobody asks for are open", n)
	}
	if files, bytes := s.takes(); files != 0 || bytes != 0 {
		t.Errorf("%d and %d bytes of the allowance are not given back", files, bytes)
	}
}

// TestWhatLiesOpenIsNeverOutOfDate changes a file in all ways at which its answer must change at once.
func TestWhatLiesOpenIsNeverOutOfDate(t *testing.T) {
	past := time.Now().Add(-time.Hour)
	for what, change := range map[string]func(path string) error{
		"written into": func(path string) error { return os.WriteFile(path, []byte("two"), 0o600) },
		"replaced": func(path string) error {
			put(t, filepath.Dir(path), "new", "two")
			return os.Rename(filepath.Join(filepath.Dir(path), "new"), path)
		},
		"made anew": func(path string) error {
			put(t, filepath.Dir(path), "x", "")
			_ = os.Remove(path)
			return os.WriteFile(path, []byte("two"), 0o644)
		},
		"written and dated back": func(path string) error {
			if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
				return err
			}
			return os.Chtimes(path, past, past)
		},
	} {
		s, root := newFiles(t, "d/a.txt", "one")
		path := filepath.Join(root, "public/d/a.txt")
		s.wall = func() time.Time { return time.Now().Add(time.Hour) } // it was written long ago
		s.expect(map[string]string{"/d/a.txt": "one"})
		if o := s.cache.get([]byte("d/a.txt")); string(o.plain.content) != "one" {
			t.Fatal("it is not in memory")
		} else {
			o.release()
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if got := s.fetch("GET", "/d/a.txt").body; got != "two" {
			t.Errorf("%s: got %q", what, got)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got := s.fetch("GET", "/d/a.txt").body; got != "app" {
			t.Errorf("%s and removed: got %q", what, got)
		}
	}
}

func TestAFileThatWasJustWrittenIsNotKeptInMemory(t *testing.T) {
	s, root := newFiles(t, "a.txt", "one")
	path := filepath.Join(root, "public/a.txt")
	for i := range 100 { // much faster than times are exact
		content := fmt.Sprintf("%03d", i)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.WriteString(content)
		_ = f.Close()
		if got := s.fetch("GET", "/a.txt").body; got != content {
			t.Fatalf("got %q, want %q", got, content)
		}
	}
}

func TestAFolderThatTakesThePlaceOfAnotherIsSeenAtTheNextLook(t *testing.T) {
	s, root := newFiles(t, "d/a.txt", "one", "e/a.txt", "two")
	s.expect(map[string]string{"/d/a.txt": "one"})
	public := filepath.Join(root, "public")
	if err := os.Rename(filepath.Join(public, "d"), filepath.Join(root, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(public, "e"), filepath.Join(public, "d")); err != nil {
		t.Fatal(err)
	}
	s.later()
	s.expect(map[string]string{"/d/a.txt": "two"})
}

func TestFilesOfAReleaseGoWithIt(t *testing.T) {
	s, root := newFiles(t, "a.txt", "one", "only.txt", "one")
	s.expect(map[string]string{"/a.txt": "one", "/only.txt": "one"})
	next := t.TempDir()
	put(t, next, "public/a.txt", "two")
	s.deploy(next, root)
	s.expect(map[string]string{"/a.txt": "two", "/only.txt": "one"})
	s.deploy(next)
	s.expect(map[string]string{"/a.txt": "two", "/only.txt": "app"})
	if n := s.opened(root); n != 0 {
		t.Errorf("%d files of the old release are open", n)
	}
}

func TestOnlySoManyFilesLieOpen(t *testing.T) {
	var files []string
	for i := range 300 {
		files = append(files, fmt.Sprintf("d/%d.txt", i), "file")
	}
	s, root := newFiles(t, files...)
	for range 2 {
		for i := range 300 {
			s.expect(map[string]string{fmt.Sprintf("/d/%d.txt", i): "file"})
		}
	}
	if n := s.opened(root); n > 100 || n < 50 {
		t.Errorf("%d files are open, of 100 that may be", n)
	}
	none := newSite(t, root, func(c *Config) { c.Allowance = nil })
	none.expect(map[string]string{"/d/1.txt": "file"})
	s.Close()
	if n := s.opened(root); n != 0 {
		t.Errorf("%d files are open after the end", n)
	}
	s.expect(map[string]string{"/d/1.txt": "app"})
}

func TestAnAppHasSoManyFilesOpenAtMost(t *testing.T) {
	var c cache
	c.init(NewAllowance(1<<20, 1<<40))
	defer c.close()
	for i := range 5 * mostOpened {
		name := fmt.Append(nil, i)
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		o := &opened{}
		o.plain = &File{File: f, of: o}
		o.uses.Store(1)
		if !c.admit(name, o) {
			t.Fatal("it is not admitted")
		}
		c.put(name, o)
		o.release()
	}
	if n := c.dropAll(func(*opened) bool { return false }); n > mostOpened {
		t.Errorf("%d files are open", n)
	}
}

// TestManyAskWhileFilesChange: what a request has in use is not closed under it, and nothing stays open.
func TestManyAskWhileFilesChange(t *testing.T) {
	s, root := newFiles(t, "a.txt", "0", "b.txt", "b")
	s.config.Allowance = NewAllowance(1, 1<<20) // one drives the other out
	s.cache.allowance = s.config.Allowance
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, path := range []string{"/a.txt", "/b.txt"} {
					if got := s.fetch("GET", path).body; got == "" || got == "app" {
						t.Errorf("%s: %q", path, got)
						return
					}
				}
			}
		})
	}
	for i := range 200 {
		put(t, root, "new", fmt.Sprint(i))
		if err := os.Rename(filepath.Join(root, "new"), filepath.Join(root, "public/a.txt")); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			s.later()
		}
	}
	close(stop)
	all.Wait()
	s.cache.close()
	if n := s.opened(root); n != 0 {
		t.Errorf("%d files are open", n)
	}
}

func TestWhatLiesOpenIsFoundWithoutAllocating(t *testing.T) {
	s, _ := newFiles(t, "a.txt", "file", "a.txt.br", "br")
	s.expect(map[string]string{"/a.txt": "file"})
	var r wire.Request
	if err := r.Parse([]byte("GET /a.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\nIf-None-Match: \"65bdbb72-2-br\"\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	fields := make([]wire.Field, 0, 16)
	if n := testing.AllocsPerRun(1000, func() {
		f, _ := s.Open(&r)
		if p := f.Part(&r); p.Status != 304 || len(f.AppendFields(fields, p)) == 0 {
			t.Error("it is no 304")
		}
		_ = f.Close()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAFileOfAStoreAnswersAsAny(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "report.pdf", "0123456789")
	f, err := (&Store{Path: folder}).Open("report.pdf")
	if f == nil || err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var r wire.Request
	if err := r.Parse([]byte("GET /download HTTP/1.1\r\nHost: a\r\nRange: bytes=2-3\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	p := f.Part(&r)
	if got := f.part(t, p); p.Status != 206 || got != "23" {
		t.Errorf("got %d %q", p.Status, got)
	}
	said := ""
	for _, field := range f.AppendFields(nil, p) {
		said += string(field.Value) + "\n"
	}
	for _, want := range []string{"application/pdf", "bytes 2-3/10", `"65bdbb72-a"`} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not said: %s", want, said)
		}
	}
}
