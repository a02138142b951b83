package status

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHeadIsAnsweredWhereMonitorsAsk(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		want, _, _ := r.call(t, http.MethodGet, path, "")
		got, _, body := r.call(t, http.MethodHead, path, "")
		if got != want || body != "" {
			t.Errorf("HEAD %s is %d %q, and GET %d", path, got, body, want)
		}
		refused, header, _ := r.call(t, http.MethodDelete, path, "")
		if allowed := header.Values("Allow"); refused != 405 || !slices.Equal(allowed, []string{"GET", "HEAD"}) {
			t.Errorf("DELETE %s is %d and allows %v", path, refused, allowed)
		}
	}
}

// systemd makes the folder for the service's user, and everybody may enter it.
func TestTheRuntimeFolderOfAService(t *testing.T) {
	dir := socketFolder(t)
	t.Setenv("RUNTIME_DIRECTORY", dir+":/run/other")
	if got := RuntimeDir(); got != dir {
		t.Errorf("it is %s, not %s", got, dir)
	}
	for mode, fit := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o757: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		l, err := Listen(dir, "blog")
		if (err == nil) != fit {
			t.Errorf("with mode %o: %v", mode, err)
		}
		if err != nil {
			continue
		}
		stat, err := os.Stat(filepath.Join(dir, "blog.sock"))
		if err != nil || stat.Mode().Perm() != 0o600 {
			t.Errorf("the socket's mode is %v, %v", stat.Mode(), err)
		}
		if live := Running(RuntimeDirs()...); !slices.Contains(live, filepath.Join(dir, "blog.sock")) {
			t.Errorf("%v are running", live)
		}
		l.Close()
	}
}

func TestRootLooksIntoTheFoldersOfAllUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may")
	}
	users := []string{"/tmp/purser-64321", "/tmp/systemd-private-test64321/tmp/purser-64322"}
	for _, dir := range users {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	t.Cleanup(func() { os.RemoveAll("/tmp/systemd-private-test64321") })
	l, err := Listen(users[0], "blog")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dirs := RuntimeDirs()
	for _, dir := range users {
		if !slices.Contains(dirs, dir) {
			t.Errorf("%s is not among %s", dir, strings.Join(dirs, " "))
		}
	}
	if dirs[0] != "/run/purser" {
		t.Errorf("the first is %s", dirs[0])
	}
	socket := users[0] + "/blog.sock"
	if live := Running(dirs...); !slices.Contains(live, socket) {
		t.Errorf("%v are running", live)
	}
	if err := errors.Join(os.Lchown(users[0], 64321, 1), os.Lchown(socket, 1, 1)); err != nil { // somebody else's, in this user's folder
		t.Fatal(err)
	}
	if live := Running(dirs...); slices.Contains(live, socket) {
		t.Errorf("%v are running, and one of them is not who it claims to be", live)
	}
}
