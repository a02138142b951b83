package install

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A system is a scratch root, with purser in it.
type system struct {
	t    *testing.T
	root string
}

// newSystem has the users root and deploy.
func newSystem(t *testing.T) *system {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("files get owners: this needs root")
	}
	s := &system{t, t.TempDir()}
	s.write("/usr/local/bin/purser", "the binary", 0o755)
	s.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndeploy:x:1234:1235::/home/deploy:/bin/sh\n", 0o644)
	s.write("/etc/group", "root:x:0:\nwww:x:1235:\n", 0o644)
	return s
}

func (s *system) write(path, text string, mode fs.FileMode) {
	s.t.Helper()
	path = s.root + path
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) read(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.root + path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *system) options(said *strings.Builder) Options {
	return Options{Root: s.root, Binary: "/usr/local/bin/purser", Out: said}
}

// install returns what was said.
func (s *system) install(user string) string {
	s.t.Helper()
	var said strings.Builder
	o := s.options(&said)
	o.User = user
	if err := Install(o); err != nil {
		s.t.Fatal(err)
	}
	return said.String()
}

func (s *system) uninstall(purge bool) string {
	s.t.Helper()
	var said strings.Builder
	if err := Uninstall(s.options(&said), purge); err != nil {
		s.t.Fatal(err)
	}
	return said.String()
}

// all is every file with its text, mode and owner, and every folder.
func (s *system) all() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := d.Info()
		text := ""
		if err == nil && stat.Mode().IsRegular() {
			text = s.read(strings.TrimPrefix(path, s.root))
		}
		all[strings.TrimPrefix(path, s.root)] = stat.Mode().String() + text
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func wants(t *testing.T, text string, says ...string) {
	t.Helper()
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q, but:\n%s", want, text)
		}
	}
}

func (s *system) owner(path string) string {
	s.t.Helper()
	stat, err := os.Stat(s.root + path)
	if err != nil {
		s.t.Fatal(err)
	}
	uid, gid := owners(stat)
	return strconv.Itoa(uid) + ":" + strconv.Itoa(gid) + " " + stat.Mode().String()
}

func owners(stat fs.FileInfo) (uid, gid int) {
	system := stat.Sys().(*syscall.Stat_t)
	return int(system.Uid), int(system.Gid)
}
