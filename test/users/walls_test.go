package users

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

func TestNoAppReachesWhatIsAnothers(t *testing.T) {
	f, other := newFolder(t, games), newFolder(t, www)
	secret := other.write("secret", "hunter2", www)
	must(t, os.Chmod(other.dir, 0o700))
	log := filepath.Join(filepath.Dir(other.dir), "other.log")
	p := serve(t, f.app("app"), other.app("other", fmt.Sprintf("log = %q", log), "env = { TOKEN = \"hunter2\" }"))
	others := ask(t, p, "other")
	proc := func(name string) string { return fmt.Sprintf("/proc/%d/%s", others.PID, name) }
	for _, c := range [][2]string{
		{"read", secret}, {"list", other.dir}, {"read", proc("environ")}, {"list", proc("cwd/")}, {"read", proc("fd/1")}, {"list", proc("fd")},
		{"list", filepath.Dir(others.Socket)}, {"connect", others.Socket}, {"write", filepath.Join(filepath.Dir(others.Socket), "x")},
		{"list", filepath.Dir(filepath.Dir(others.Socket))}, {"list", filepath.Dir(p.Admin)}, {"connect", p.Admin}, {"read", log}, {"write", log},
		{"kill", fmt.Sprint(others.PID)}, {"kill", fmt.Sprint(p.PID())}, {"kill", fmt.Sprint(p.Keeper())}, {"read", p.Config},
	} {
		if got := ask(t, p, "app", c[0], c[1]).Tried[0]; got != "EACCES" && got != "EPERM" {
			t.Errorf("another user's app may %s %s: %s", c[0], c[1], got)
		}
	}
	// What is its own it does reach: the wall is none for it.
	own := ask(t, p, "other", "read", secret, "list", filepath.Dir(others.Socket), "write", "/dev/stdout")
	if !slices.Equal(own.Tried, []string{"read 7", "listed 2", "written"}) {
		t.Errorf("the app itself gets %q", own.Tried)
	}
}

// bait is a socket that only root may connect to, and how many have.
func bait(t *testing.T) (path string, visits *atomic.Int32) {
	t.Helper()
	path = filepath.Join(harness.Scratch(), fmt.Sprintf("bait-%d.sock", time.Now().UnixNano()))
	listener, err := net.Listen("unix", path)
	must(t, err)
	visits, ended := new(atomic.Int32), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			var buffer [1]byte
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if n, _ := conn.Read(buffer[:]); n > 0 {
				visits.Add(1)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	return path, visits
}

func TestALinkInThePlaceOfASocketLeadsNowhere(t *testing.T) {
	secret, visits := bait(t)
	f := newFolder(t, games)
	p := harness.Start(t, harness.Options{Users: true,
		Config: harness.ServerTable() + f.app("app", fmt.Sprintf("env = { STARTED_WITH = '{\"link\":%q}' }\nkind = \"command\"\ncommand = \"node app.js {socket}\"", secret))})
	harness.Eventually(t, harness.ReadyLimit, "the start has failed", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		return err == nil && s.Failure != nil
	})
	if got := p.Status(t, "app").Failure.Reason; !strings.Contains(got, "is no socket of games, whom the app runs as") {
		t.Errorf("it says %q", got)
	}
	if n := visits.Load(); n > 0 {
		t.Errorf("%d requests came to a socket that the app may not connect to", n)
	}
}

func TestALinkThatIsPutThereLaterLeadsNowhere(t *testing.T) {
	secret, visits := bait(t)
	f := newFolder(t, games)
	p := serve(t, f.app("app", "min_processes = 1"))
	if got := ask(t, p, "app", "link", secret).Tried[0]; got != "linked" {
		t.Fatalf("the app could not replace its socket: %s", got)
	}
	a := harness.Ask(t, p, "GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
	if a.StatusCode < 500 {
		t.Errorf("the answer is %d: %s", a.StatusCode, a.Body)
	}
	if n := visits.Load(); n > 0 {
		t.Errorf("%d requests came to a socket that the app may not connect to", n)
	}
}

func TestWhatAnAppLeftBehindEndsWithIt(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	left := ask(t, p, "app", "leave", "sleep 1000").Left
	app := p.Status(t, "app").PIDs()[0]
	harness.Kill(t, app)
	harness.Eventually(t, harness.ReadyLimit, "what it had started is gone", func() bool { return !harness.Alive(left) })
	harness.AwaitRestartOf(t, p, "app", app)
	again := ask(t, p, "app", "leave", "sleep 1000")
	harness.Kill(t, p.Keeper())
	harness.Eventually(t, harness.ReadyLimit, "nothing is left", func() bool { return !harness.Alive(again.PID) && !harness.Alive(again.Left) })
}

func TestACrashOfTheFrontLeavesAppsAsWhomTheyRun(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	before, front := ask(t, p, "app"), p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	if now := ask(t, p, "app"); now.PID != before.PID || now.UID != games {
		t.Errorf("process %d of user %d serves, and before it was %d of %d", now.PID, now.UID, before.PID, before.UID)
	}
	harness.Kill(t, before.PID)
	harness.AwaitRestartOf(t, p, "app", before.PID)
	if now := ask(t, p, "app"); now.UID != games {
		t.Errorf("what the next front has started runs as %d", now.UID)
	}
}

func TestAUserWhoLeadsHisRootIntoAnothersFolderServesNothingThatIsClosedToHim(t *testing.T) {
	f, other := newFolder(t, games), newFolder(t, www)
	must(t, os.Mkdir(other.path("public"), 0o755))
	other.write("public/secret.txt", "hunter2", www)
	current := filepath.Join(filepath.Dir(f.dir), "current")
	must(t, os.Symlink(other.dir, current))
	must(t, os.Lchown(current, games, games))
	p := serve(t, harness.AppTable("app", current, `hosts = ["app"]`, `user = "games"`))
	a := harness.Ask(t, p, "GET /secret.txt HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
	if a.StatusCode != 200 || strings.Contains(a.Body, "hunter2") {
		t.Errorf("the answer is %d: %s", a.StatusCode, a.Body)
	}
	r := check(t, harness.ServerTable()+harness.AppTable("app", current))
	if want := "apps.app.user: is not set: app.js belongs to www-data, but the link that leads to it, " + current + ", to games"; r.Code != 2 || !strings.Contains(r.Stderr, want) {
		t.Errorf("without user, purser check says %q, want %q", r.Stderr, want)
	}
}

func TestALinkInThePlaceOfALogBesideTheReleasesLeadsNowhere(t *testing.T) {
	f := newFolder(t, games)
	log, victim := filepath.Join(f.release("shared", games), "app.log"), filepath.Join(harness.Scratch(), fmt.Sprintf("victim-%d", time.Now().UnixNano()))
	must(t, os.WriteFile(victim, nil, 0o600))
	t.Cleanup(func() { _ = os.Remove(victim) })
	p := serve(t, f.app("app", fmt.Sprintf("log = %q", log)))
	ask(t, p, "app", "leave", fmt.Sprintf("echo printed > /proc/%d/fd/1", ask(t, p, "app").PID))
	harness.Eventually(t, harness.ReadyLimit, "the line is in the log", func() bool { text, _ := os.ReadFile(log); return len(text) > 0 })
	must(t, os.Remove(log))
	must(t, os.Symlink(victim, log))
	must(t, os.Lchown(log, games, games))
	p.Signal(syscall.SIGHUP)
	harness.Eventually(t, harness.ReadyLimit, "it is not opened again", func() bool { return len(p.Log.Lines("is a link of games to what is root")) > 0 })
	reload := harness.StartCommand(t, p, "reload")
	reload.MustExit(t, 0) // that one user's log cannot be opened is not in the way of the others
	if text, err := os.ReadFile(victim); err != nil || len(text) > 0 {
		t.Errorf("what the app prints came into root's file: %q (%v)", text, err)
	}
}
