package sock

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is at the path of a socket is the matter of whom its folder belongs to.
func TestASocketOfAnotherUserIsNotConnectedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	sweeper, me := NewSweeper(), os.Geteuid()
	for _, c := range []struct {
		path  string
		owner int
		want  string
	}{{path, Anybody, ""}, {path, me, ""}, {link, me, ""}, {path, me + 1, "listens there, not uid"}, {link, me + 1, "listens there, not uid"}} {
		s, err := Connect(t.Context(), "unix", c.path, c.owner, 10*time.Second, sweeper)
		if err == nil {
			s.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as that of %d: %v", c.path, c.owner, err)
		}
	}
}
