package restarts

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"purser/test/harness"
	"purser/test/harness/site"
)

// puma#1775, #1842, #1988, #2009, #2504, #2713: the unix socket was unlinked, lost or made anew by a restart,
// with another mode.
func TestRestartsNeverTouchTheListener(t *testing.T) {
	t.Parallel()
	s := site.New(t, site.Release{Version: 1})
	door := filepath.Join(harness.EmptyApp(t).Dir, "front.sock")
	text := fmt.Sprintf("[server]\nlisten = [%q, \"$LISTEN\"]\n", "unix:"+door) +
		harness.AppTable("app", s.Current(), fmt.Sprintf("command = [%q]", site.Program(t)), harness.Processes(2))
	p := harness.Serve(t, harness.Options{Config: text})
	harness.AwaitReady(t, p, 2)
	if err := os.Chmod(door, 0o606); err != nil { // by an operator who knows why
		t.Fatal(err)
	}
	before, err := os.Stat(door)
	if err != nil {
		t.Fatal(err)
	}
	for version, strategy := range []string{"rolling", "blocking", "blue-green"} {
		s.Deploy(site.Release{Version: version + 2})
		harness.MustRestart(t, p, 0, "--strategy", strategy)
	}
	s.Deploy(site.Release{Version: 5, Exit: "no"})
	harness.MustRestart(t, p, 1)
	p.Signal(syscall.SIGHUP)
	harness.Eventually(t, harness.Patience, "the signal was heeded", func() bool { return len(p.Log.Lines("SIGHUP")) > 0 })
	after, err := os.Stat(door)
	if err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the socket was %v of %v, and is %v of %v (%v)", before.Mode(), before.ModTime(), after.Mode(), after.ModTime(), err)
	}
	if body := overUnix(t, door); harness.WordIn(body, "v") != "4" {
		t.Errorf("over the socket came %q", body)
	}
}

// overUnix asks for / over a unix socket.
func overUnix(t *testing.T, path string) string {
	t.Helper()
	w := harness.DialUnix(t, path)
	w.Send("GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	return w.Answer(http.MethodGet).Body
}
