package restart

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/restart/disk"
)

func TestResolveResolvesTheRootOnce(t *testing.T) {
	s := newSite(t)
	before := time.Now()
	id, err := ResolveRelease(disk.Own, s.path("current"))
	s.must(err)
	stat, err := disk.Look(disk.Own, s.path("releases/1"))
	s.must(err)
	if id.Path != s.path("releases/1") || id.Dev != stat.Dev || id.Inode != stat.Inode || id.Revision != "" {
		t.Errorf("got %+v", id)
	}
	if id.Seen.Before(before) || id.Seen.After(time.Now()) {
		t.Errorf("seen at %v", id.Seen)
	}
}

func TestResolveRefusesWhatIsNoFolder(t *testing.T) {
	s := newSite(t)
	s.put("file")
	s.must(os.Symlink("gone", s.path("dangling")))
	for root, want := range map[string]string{
		s.path("none"):       "the app's folder " + s.path("none") + " does not exist",
		s.path("dangling"):   "the app's folder " + s.path("dangling") + " leads to " + s.path("gone") + ", which does not exist",
		s.path("file/below"): "cannot find the app's folder " + s.path("file/below") + ": not a directory",
		s.path("file"):       "the app's root " + s.path("file") + " is not a folder",
	} {
		if _, err := ResolveRelease(disk.Own, root); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestRevision(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":            {nil, ""},
		"file":            {map[string]string{"REVISION": " v1.2\n"}, "v1.2"},
		"first line":      {map[string]string{"REVISION": "v1\x1b[31m\r\nby me"}, "v1[31m"},
		"long":            {map[string]string{"REVISION": strings.Repeat("ab", 1000)}, strings.Repeat("ab", 50)},
		"broken letter":   {map[string]string{"REVISION": strings.Repeat("a", 99) + "ü"}, strings.Repeat("a", 99)},
		"before git":      {map[string]string{"REVISION": "v1", ".git/HEAD": commit}, "v1"},
		"detached":        {map[string]string{".git/HEAD": commit + "\n"}, commit},
		"branch":          {map[string]string{".git/HEAD": "ref: refs/heads/a/b\n", ".git/refs/heads/a/b": commit + "\n"}, commit},
		"packed":          {map[string]string{".git/HEAD": "ref: refs/heads/a\n", ".git/packed-refs": "# pack-refs\nfff refs/heads/ab\n" + commit + " refs/heads/a\n"}, commit},
		"no commit yet":   {map[string]string{".git/HEAD": "ref: refs/heads/main\n"}, ""},
		"outside":         {map[string]string{".git/HEAD": "ref: ../../secret\n"}, ""},
		"outside by link": {map[string]string{"REVISION -> ": "../secret"}, ""},
		"folder":          {map[string]string{"REVISION/x": ""}, ""},
	} {
		folder := filepath.Join(t.TempDir(), "app")
		writeAll(t, folder, c.files)
		if got := disk.Own.Revision(folder); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// writeAll makes a folder with files beside a secret; "x -> " is a symlink.
func writeAll(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, "../secret"), "secret")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if link, ok := strings.CutSuffix(name, " -> "); ok {
			if err := os.Symlink(text, filepath.Join(folder, link)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(filepath.Join(folder, name), text)
	}
}

func TestARevisionThatIsAPipeDoesNotBlock(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, "REVISION"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := disk.Own.Revision(folder); got != "" {
		t.Errorf("got %q, want none", got)
	}
}
