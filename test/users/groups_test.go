package users

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/test/harness"
)

// These need a kernel whose controllers are those of cgroup v2, as that of every newer system is. Where they are of
// version 1, they are skipped, and say so.

// mountOfGroups is where control groups of version 2 are, "" where they are not.
func mountOfGroups(t *testing.T) (top string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); strings.Contains(line, " - cgroup2 ") {
			top = fields[4]
		}
	}
	return top
}

// needGroups skips a test where the controllers are of version 1.
func needGroups(t *testing.T) (top string) {
	t.Helper()
	harness.MustBeRoot(t)
	top = mountOfGroups(t)
	controllers, _ := os.ReadFile(filepath.Join(top, "cgroup.controllers"))
	for _, name := range []string{"memory", "cpu"} {
		if top == "" || !slices.Contains(strings.Fields(string(controllers)), name) {
			t.Skipf("the controller %q is not one of cgroup v2 here", name)
		}
	}
	return top
}

// delegated makes a control group that is given to purser, as systemd does it with Delegate=yes, and returns a command
// line that runs another one in it.
func delegated(t *testing.T) (before []string) {
	t.Helper()
	top := needGroups(t)
	must(t, os.WriteFile(filepath.Join(top, "cgroup.subtree_control"), []byte("+memory +cpu"), 0))
	group, err := os.MkdirTemp(top, "purser-test-")
	must(t, err)
	t.Cleanup(func() {
		_ = os.Remove(filepath.Join(group, "purser")) // of the main process, which was in it to the end
		if err := os.Remove(group); err != nil {
			t.Errorf("something is left in the control group: %v", err)
		}
	})
	must(t, unix.Setxattr(group, "user.delegate", []byte("1"), 0))
	return []string{"sh", "-c", fmt.Sprintf(`echo $$ > %s/cgroup.procs; exec "$0" "$@"`, group)}
}

// small is the table of an app that starts at once, unless BROKEN is set.
func small(f folder, name string, uid int, keys ...string) string {
	f.t.Helper()
	if _, err := os.Stat(f.path("server")); err != nil {
		app, err := harness.GoApp()
		must(f.t, err)
		text, err := os.ReadFile(app)
		must(f.t, err)
		must(f.t, os.WriteFile(f.path("server"), text, 0o755))
		must(f.t, os.Chown(f.path("server"), uid, uid))
	}
	return f.app(name, append([]string{`command = "test -z \"$BROKEN\" && exec ./server {socket}"`}, keys...)...)
}

// serving is the process of an app, once one serves.
func serving(t *testing.T, p *harness.Purser, app string) (pid int) {
	t.Helper()
	harness.Eventually(t, harness.ReadyLimit, "a process of "+app+" serves", func() bool {
		s, err := p.FetchStatus(t.Context(), app)
		if err != nil || len(s.Ready()) == 0 {
			return false
		}
		pid = s.Ready()[0].PID
		return true
	})
	return pid
}

// groupOf is the control group of a process's app.
func groupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	must(t, err)
	_, path, _ := strings.Cut(strings.TrimSpace(string(text)), "0::")
	return filepath.Dir(filepath.Join(mountOfGroups(t), path))
}

// wantGroup says in what the group of an app's only process is not as it should be.
func wantGroup(t *testing.T, p *harness.Purser, app, memory, cpu string) {
	t.Helper()
	group := groupOf(t, serving(t, p, app))
	if !strings.HasSuffix(group, "-app-"+app) {
		t.Errorf("%s is in %s", app, group)
	}
	for name, want := range map[string]string{"memory.max": memory, "cpu.max": cpu} {
		text, err := os.ReadFile(filepath.Join(group, name))
		if got := strings.TrimSpace(string(text)); got != want && !(os.IsNotExist(err) && strings.HasPrefix(want, "max")) {
			t.Errorf("%s of %s is %q (%v), want %q", name, app, got, err, want)
		}
	}
}

const mib = 1 << 20

const hog = `[apps.app.workers.hog]
command = "while [ ! -e tmp/go ]; do sleep 0.1; done; rm tmp/go; exec tail /dev/zero"`

func TestTheProcessesOfAnAppTogetherAreHeldToItsLimits(t *testing.T) {
	needGroups(t)
	for name, users := range map[string]bool{"by a grant": true, "by a front that may run anything": false} {
		t.Run(name, func(t *testing.T) {
			f, other := newFolder(t, games), newFolder(t, www)
			p := harness.Serve(t, harness.Options{Before: delegated(t), Users: users,
				Config: harness.ServerTable() + small(f, "app", games, `memory_max = "64MiB"`, `cpu_max = "150%"`, hog) + small(other, "other", www, `memory_max = "96MiB"`)})
			wantGroup(t, p, "app", fmt.Sprint(64*mib), "150000 100000")
			wantGroup(t, p, "other", fmt.Sprint(96*mib), "max 100000")
			neighbour := serving(t, p, "other")
			f.write("tmp/go", "", games)
			harness.Eventually(t, harness.ReadyLimit, "what is too much has ended, and why is told", func() bool {
				return strings.Contains(p.Run(harness.Within(t), "history", "--json").Stdout, "by the kernel: the app's memory_max is used up")
			})
			if now := p.Status(t, "other").Ready(); len(now) != 1 || now[0].PID != neighbour {
				t.Error("the other app is another process")
			}
			if r := p.Run(t.Context(), "restart", "app"); r.Code != 0 {
				t.Errorf("a restart ends with %d: %s", r.Code, r.Stderr)
			}
			wantGroup(t, p, "app", fmt.Sprint(64*mib), "150000 100000")
		})
	}
}

// What repairs older code must not take the group of the app back to what it was then.
func TestAGroupIsAsItIsConfiguredNowThoughOlderCodeServes(t *testing.T) {
	needGroups(t)
	for name, users := range map[string]bool{"by a grant": true, "by a front that may run anything": false} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, games)
			p := harness.Serve(t, harness.Options{Before: delegated(t), Users: users, Config: harness.ServerTable() + small(f, "app", games, `memory_max = "64MiB"`)})
			before := serving(t, p, "app")
			wantGroup(t, p, "app", fmt.Sprint(64*mib), "max 100000")
			broken := small(f, "app", games, `memory_max = "80MiB"`, `cpu_max = "90%"`, `env = { BROKEN = "1" }`)
			must(t, os.WriteFile(p.Config, []byte(strings.ReplaceAll(harness.ServerTable(), "$LISTEN", p.Addr)+broken), 0o600))
			p.Run(t.Context(), "reload") // whose restart fails
			harness.Eventually(t, harness.ReadyLimit, "the restart has failed", func() bool { return p.Status(t, "app").Failure != nil })
			wantGroup(t, p, "app", fmt.Sprint(80*mib), "90000 100000")
			harness.Kill(t, before)
			harness.AwaitRestartOf(t, p, "app", before)
			wantGroup(t, p, "app", fmt.Sprint(80*mib), "90000 100000")
		})
	}
}

func TestGroupsOutliveAFront(t *testing.T) {
	needGroups(t)
	f, other := newFolder(t, games), newFolder(t, www)
	p := harness.Serve(t, harness.Options{Bin: publicBinary(t), Before: delegated(t), Users: true,
		Config: harness.ServerTable() + small(f, "app", games, `memory_max = "64MiB"`) + small(other, "other", www, `cpu_max = "70%"`)})
	before := serving(t, p, "app")
	group, front := groupOf(t, before), p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	if r := p.Run(t.Context(), "upgrade", publicBinary(t)); r.Code != 0 {
		t.Fatalf("the upgrade ended with %d: %s", r.Code, r.Stderr)
	}
	if now := p.Status(t, "app").Ready(); len(now) != 1 || now[0].PID != before || groupOf(t, before) != group {
		t.Errorf("%+v serves, in %s, and before it was %d in %s", now, groupOf(t, before), before, group)
	}
	harness.Kill(t, before)
	harness.AwaitRestartOf(t, p, "app", before)
	wantGroup(t, p, "app", fmt.Sprint(64*mib), "max 100000")
	wantGroup(t, p, "other", "max", "70000 100000")
}

func TestALowerLimitEndsNoProcessThatServes(t *testing.T) {
	needGroups(t)
	f := newFolder(t, games)
	p := harness.Serve(t, harness.Options{Before: delegated(t), Users: true, Config: harness.ServerTable() + small(f, "app", games, `memory_max = "96MiB"`)})
	wantGroup(t, p, "app", fmt.Sprint(96*mib), "max 100000")
	must(t, os.WriteFile(p.Config, []byte(strings.ReplaceAll(harness.ServerTable(), "$LISTEN", p.Addr)+small(f, "app", games, `memory_max = "64MiB"`)), 0o600))
	if r := p.Run(t.Context(), "reload"); r.Code != 0 {
		t.Errorf("the reload ended with %d: %s", r.Code, r.Stderr)
	}
	harness.Eventually(t, harness.ReadyLimit, "the process of the older code is gone", func() bool { return len(p.Status(t, "app").Processes) == 1 })
	wantGroup(t, p, "app", fmt.Sprint(64*mib), "max 100000")
	if crashes := p.Log.Lines("process crashed"); len(crashes) > 0 {
		t.Errorf("the kernel has ended one: %q", crashes)
	}
}
