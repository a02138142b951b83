package serve

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyTheSocketThatWasOpenedIsOpenedToTheGroup(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("secret"), nil, 0o600))
	must(os.Symlink("secret", at("link")))
	must(os.Link(at("secret"), at("name")))
	for _, name := range []string{"link", "name", "none"} {
		if allowGroup(at(name)) == nil {
			t.Errorf("%s in the place of a socket was taken for it", name)
		}
	}
	if stat, err := os.Stat(at("secret")); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("a file that is no socket has the mode %v (%v)", stat.Mode(), err)
	}
	l, err := listenUnix(at("socket"))
	must(err)
	defer l.Close()
	if stat, err := os.Stat(at("socket")); err != nil || stat.Mode().Perm() != 0o660 {
		t.Errorf("the socket has the mode %v (%v)", stat.Mode(), err)
	}
	conn, err := net.Dial("unix", at("socket"))
	must(err)
	conn.Close()
}
