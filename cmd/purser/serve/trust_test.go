package serve

import (
	"os"
	"path/filepath"
	"testing"

	"purser/conf"
)

func TestWhatAUserMayReplaceIsSeen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u := &conf.Account{UID: 12345, GID: 12346, Groups: []uint32{12347}}
	at := func(name string) string { return filepath.Join(dir, name) }
	folder := func(name string, uid, gid int, mode os.FileMode) {
		t.Helper()
		must(os.Mkdir(at(name), 0o755))
		must(os.Chown(at(name), uid, gid))
		must(os.Chmod(at(name), mode))
	}
	file := func(name string, uid, gid int, mode os.FileMode) {
		t.Helper()
		must(os.WriteFile(at(name), nil, 0o600))
		must(os.Chown(at(name), uid, gid))
		must(os.Chmod(at(name), mode))
	}
	folder("roots", 0, 0, 0o755)
	folder("his", 12345, 0, 0o755)
	folder("groups", 0, 12347, 0o775)
	folder("closed to his group", 0, 12346, 0o750)
	folder("open", 0, 0, 0o777)
	folder("sticky", 0, 0, 0o777|os.ModeSticky)
	folder("his/deep", 0, 0, 0o755)
	for _, name := range []string{"roots/file", "his/file", "groups/file", "closed to his group/file", "open/file", "sticky/file", "his/deep/file"} {
		file(name, 0, 0, 0o600)
	}
	file("sticky/own", 12345, 12346, 0o600)
	file("roots/own", 12345, 12346, 0o600)
	file("roots/written", 0, 12346, 0o660)
	must(os.Symlink(at("his/file"), at("roots/link")))
	must(os.Symlink("../roots/file", at("his/link")))
	must(os.Symlink("link", at("roots/chain")))
	must(os.Symlink("../roots/file", at("groups/../roots/well")))
	must(os.Symlink("loop", at("roots/loop")))
	must(os.Symlink("../his/deep", at("roots/away")))
	must(os.Symlink("away/../file", at("roots/around"))) // which the kernel takes to be his/file
	for _, c := range []struct {
		path            string
		replace, change bool
	}{
		{"roots/file", false, false},
		{"roots/none", false, false},
		{"his/file", true, true},
		{"his/none", true, true},
		{"his/deep/file", true, true},
		{"groups/file", true, true},
		{"closed to his group/file", false, false},
		{"open/file", true, true},
		{"sticky/file", false, false},
		{"sticky/none", true, true},
		{"sticky/own", true, true},
		{"roots/own", false, true},
		{"roots/written", false, true},
		{"roots/link", true, true},
		{"his/link", true, true},
		{"roots/chain", true, true},
		{"roots/well", false, false},
		{"roots/loop", true, true},
		{"roots/around", true, true},
	} {
		if got := mayReplace(u, at(c.path)); got != c.replace {
			t.Errorf("that he may replace %s is said to be %t", c.path, got)
		}
		if got := mayChange(u, at(c.path)); got != c.change {
			t.Errorf("that he may change %s is said to be %t", c.path, got)
		}
	}
}
