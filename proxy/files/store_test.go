package files

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// newStore is a folder with files, beside one with what is nobody's business.
func newStore(t *testing.T) (s *Store, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"store/a.txt": "a", "store/sub/b.txt": "b", "beside/secret.txt": "secret"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Store{Path: filepath.Join(dir, "store")}, dir
}

// content is what is in a file of that name, "" if it cannot be sent.
func (s *Store) content(t *testing.T, name string) string {
	t.Helper()
	f, err := s.Open(name)
	if err != nil {
		t.Errorf("%q: %v", name, err)
	}
	if f == nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestOnlyFilesBelowAStoreAreOpened(t *testing.T) {
	s, dir := newStore(t)
	for link, target := range map[string]string{"in.txt": "sub/b.txt", "out.txt": "../beside/secret.txt", "out": "../beside", "absolute": filepath.Join(dir, "store/a.txt"), "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(s.Path, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(s.Path, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.txt": "a", "sub/b.txt": "b", "sub//b.txt": "b", "./a.txt": "a", "in.txt": "b",
		"": "", ".": "", "sub": "", "sub/": "", "a.txt/": "", "none": "", "a.txt/x": "", "..": "", "../beside/secret.txt": "", "sub/../../beside/secret.txt": "", "/etc/passwd": "",
		"out.txt": "", "out/secret.txt": "", "absolute": "", "loop": "", "pipe": "", "a\x00": ""} {
		if got := s.content(t, name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	gone := &Store{Path: filepath.Join(dir, "gone")}
	if got := gone.content(t, "a.txt"); got != "" {
		t.Errorf("a folder that is not there has %q", got)
	}
	led := filepath.Join(dir, "led")
	if err := os.Symlink("store", led); err != nil {
		t.Fatal(err)
	}
	if got := (&Store{Path: led}).content(t, "a.txt"); got != "a" {
		t.Errorf("a folder that a link leads to has %q", got)
	}
}

// Root sends nothing that the user of the app could not read.
func TestStoreOfAnotherUserIsReadAsThat(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may read what is closed to the app's user")
	}
	s, dir := newStore(t)
	for at := dir; at != "/"; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o001 == 0 {
			mode := info.Mode()
			if err := os.Chmod(at, mode|0o001); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(at, mode) })
		}
	}
	s.User = &User{UID: 12345, GID: 12345}
	if got := s.content(t, "a.txt"); got != "a" {
		t.Errorf("what is open to all is %q", got)
	}
	if err := os.Chmod(filepath.Join(s.Path, "a.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.content(t, "a.txt"); got != "" {
		t.Errorf("what is closed to the app's user is %q", got)
	}
	if err := os.Chmod(filepath.Join(s.Path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := s.content(t, "sub/b.txt"); got != "" {
		t.Errorf("what is in a folder that is closed to the app's user is %q", got)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.Path, "a.txt"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.content(t, "a.txt"); got != "" {
		t.Errorf("what is below a folder that is closed to the app's user is %q", got)
	}
}

// What purser itself may not look into, its owner opens.
func TestStoreThatIsClosedToPurserIsOpenedByItsOwner(t *testing.T) {
	if os.Geteuid() == 0 {
		runAsOther(t)
		return
	}
	s, dir := newStore(t)
	s.Owner = &ownersEye{files: map[string]string{s.Path + ":own.txt": filepath.Join(dir, "beside/secret.txt")}}
	if err := os.Chmod(s.Path, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(s.Path, 0o755) })
	if got := s.content(t, "own.txt"); got != "secret" {
		t.Errorf("what the owner opens is %q", got)
	}
	if got := s.content(t, "a.txt"); got != "" {
		t.Errorf("what the owner may not open is %q", got)
	}
	s.Owner = nil
	if got := s.content(t, "own.txt"); got != "" {
		t.Errorf("without an owner it is %q", got)
	}
}
