package users

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/test/harness"
)

// helpers are the pids of purser's helpers, by the number of their user.
func helpers(t *testing.T, p *harness.Purser) map[int]int {
	t.Helper()
	found := map[int]int{}
	for _, pid := range p.Helpers() {
		stat, ok := procStatus(pid)
		var uid int
		if _, err := fmt.Sscan(stat["Uid"], &uid); !ok || err != nil {
			continue // it has just ended
		}
		found[uid] = pid
	}
	return found
}

// procStatus are the lines of /proc/PID/status.
func procStatus(pid int) (lines map[string]string, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	lines = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		lines[name] = strings.TrimSpace(value)
	}
	return lines, err == nil
}

func (f folder) ownerOf(name string) int {
	f.t.Helper()
	stat, err := os.Lstat(f.path(name))
	must(f.t, err)
	return int(stat.Sys().(*syscall.Stat_t).Uid)
}

// touch touches the restart file, as its user would with a file of his own.
func (f folder) touch() {
	f.t.Helper()
	f.write("tmp/restart.txt", time.Now().String(), games)
}

func TestWhatAUserOwnsIsLookedAfterByAProcessOfThatUser(t *testing.T) {
	f, second, other, roots := newFolder(t, games), newFolder(t, games), newFolder(t, www), newFolder(t, 0)
	must(t, os.Chmod(f.dir, 0o700))
	p := serve(t, f.app("app", fmt.Sprintf("log = %q", f.path("tmp/app.log"))), second.app("second"), other.app("other"), roots.app("roots", `user = "root"`))
	f.touch()
	harness.AwaitRestart(t, p, "app", 2)
	if r := p.Run(harness.Within(t), "mark", "app", "--reason", "libssl"); r.Code != 0 {
		t.Errorf("a mark: %s", r.Stderr)
	}
	harness.Eventually(t, harness.ReadyLimit, "the mark is seen", func() bool {
		return strings.Contains(p.Run(harness.Within(t), "status", "app").Stdout, "libssl")
	})
	harness.Eventually(t, harness.ReadyLimit, "restart.status is written", func() bool { _, err := os.Stat(f.path("tmp/restart.status")); return err == nil })
	for _, name := range []string{"tmp/restart.status", "tmp/needs-restart.d", "tmp/app.log"} {
		if uid := f.ownerOf(name); uid != games {
			t.Errorf("%s belongs to %d", name, uid)
		}
	}
	found := helpers(t, p)
	if len(found) != 3 || found[games] == 0 || found[www] == 0 || found[0] == 0 {
		t.Fatalf("the helpers are %v", found)
	}
	delete(found, 0) // that of the app which is to run as root
	for uid, pid := range found {
		says, _ := procStatus(pid)
		if says["CapEff"] != "0000000000000000" || says["NoNewPrivs"] != "1" || says["Groups"] != fmt.Sprint(map[int]int{games: gamesID, www: www}[uid]) && says["Groups"] != "" {
			t.Errorf("that of %d has the rights %s, no_new_privs %s, and the groups %q", uid, says["CapEff"], says["NoNewPrivs"], says["Groups"])
		}
		for _, path := range []string{"environ", "fd/0", "mem"} {
			if got := ask(t, p, map[int]string{games: "app", www: "other"}[uid], "read", fmt.Sprintf("/proc/%d/%s", pid, path)).Tried[0]; got != "EACCES" && got != "EPERM" {
				t.Errorf("an app of its user may read its %s: %s", path, got)
			}
		}
	}
}

func TestAHelperThatIsKilledOrStoppedHoldsNothingUpForLong(t *testing.T) {
	f, other := newFolder(t, games), newFolder(t, www)
	p := serve(t, f.app("app"), other.app("other"))
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		pid := helpers(t, p)[games]
		must(t, syscall.Kill(pid, signal))
		f.touch()
		began := time.Now()
		ask(t, p, "app")
		other.write("tmp/restart.txt", signal.String(), www)
		harness.AwaitRestart(t, p, "other", i+2)
		harness.AwaitRestart(t, p, "app", i+2)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("after signal %v the restarts took %v", signal, took)
		}
		harness.Eventually(t, harness.ReadyLimit, "it is another now", func() bool { now := helpers(t, p)[games]; return now != 0 && now != pid })
	}
}

func TestAHelperEndsWithItsFront(t *testing.T) {
	f := newFolder(t, games)
	p := serve(t, f.app("app"))
	before := helpers(t, p)[games]
	must(t, syscall.Kill(p.Front(), syscall.SIGKILL))
	harness.Eventually(t, harness.ReadyLimit, "another front has another helper", func() bool {
		all := p.Helpers()
		return len(all) == 1 && all[0] != before
	})
	f.touch()
	harness.AwaitRestart(t, p, "app", 2)
}

// What an app's user leads elsewhere.
func TestPurserWritesNothingWhereALinkOfAnAppLeads(t *testing.T) {
	f, victim := newFolder(t, games), newFolder(t, www)
	must(t, os.Chmod(victim.dir, 0o755))
	shadow, err := os.ReadFile("/etc/shadow")
	must(t, err)
	must(t, os.RemoveAll(f.path("tmp")))
	must(t, os.Symlink(victim.path("tmp"), f.path("tmp")))
	must(t, os.Symlink("/etc/shadow", f.path("public")))
	giveAll(t, filepath.Dir(f.dir), games)
	p := serve(t, f.app("app"))
	if r := p.Run(harness.Within(t), "mark", "app"); r.Code == 0 {
		t.Error("a mark is written to a folder of another user")
	}
	if r := p.Run(harness.Within(t), "restart", "app"); r.Code != 0 {
		t.Errorf("a restart: %s", r.Stderr)
	}
	if entries, err := os.ReadDir(victim.path("tmp")); err != nil || len(entries) != 0 {
		t.Errorf("the folder of another user has %v, %v", entries, err)
	}
	if now, err := os.ReadFile("/etc/shadow"); err != nil || string(now) != string(shadow) {
		t.Errorf("/etc/shadow is another, %v", err)
	}
}

func TestAReloadIsForHelpersToo(t *testing.T) {
	f, other, next := newFolder(t, games), newFolder(t, www), newFolder(t, games)
	p := serve(t, f.app("app"), other.app("other"))
	before := helpers(t, p)
	reload(t, p, f.app("app", fmt.Sprintf("log = %q", f.path("tmp/a.log"))), next.app("next", fmt.Sprintf("log = %q", next.path("tmp/b.log"))))
	for name, at := range map[string]folder{"tmp/a.log": f, "tmp/b.log": next} {
		if uid := at.ownerOf(name); uid != games {
			t.Errorf("%s belongs to %d", name, uid)
		}
	}
	next.touch()
	harness.AwaitRestart(t, p, "next", 2)
	harness.Eventually(t, harness.ReadyLimit, "one helper looks after both apps, and that of no app has ended", func() bool {
		now := helpers(t, p)
		return len(p.Helpers()) == 1 && now[games] != 0 && now[games] != before[games]
	})
	reload(t, p, f.app("app", `user = "backup"`), next.app("next"))
	must(t, os.Chown(f.path("tmp"), backup, backup))
	harness.Eventually(t, harness.ReadyLimit, "the app is another user's", func() bool { return ask(t, p, "app").UID == backup })
	if r := p.Run(harness.Within(t), "mark", "app"); r.Code != 0 || f.ownerOf("tmp/needs-restart.d") != backup {
		t.Errorf("the mark is not that user's: %s", r.Stderr)
	}
}
