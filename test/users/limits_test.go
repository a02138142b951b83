package users

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/test/harness"
)

const allLimits = `no_new_privs = true
nice = 15
oom_score_adj = 321
process_limits = { open_files = 999, core = "0", address_space = "64GiB", processes = 4321 }`

const worker = `[apps.app.workers.jobs]
command = "cat /proc/self/limits > tmp/jobs; exec sleep 1000"`

// wantLimits says in what an app is not held as allLimits says.
func wantLimits(t *testing.T, says probe) {
	t.Helper()
	for _, want := range []string{`Max open files +999 +999 `, `Max core file size +0 +0 `, `Max address space +68719476736 +68719476736 `, `Max processes +4321 +4321 `, `NoNewPrivs:\t1 nice 15 oom 321$`} {
		if !regexp.MustCompile(want).MatchString(says.Limits) {
			t.Errorf("%q is not in\n%s", want, says.Limits)
		}
	}
}

func TestAnAppIsHeldToItsLimits(t *testing.T) {
	for name, users := range map[string]bool{"by a grant": true, "by a front that may run anything": false} {
		t.Run(name, func(t *testing.T) {
			f, free := newFolder(t, games), newFolder(t, www)
			p := harness.Serve(t, harness.Options{Config: harness.ServerTable() + f.app("app", allLimits, worker) + free.app("free"), Users: users})
			says := ask(t, p, "app")
			harness.Eventually(t, harness.ReadyLimit, "its worker is held, too", func() bool {
				text, _ := os.ReadFile(f.path("tmp/jobs"))
				return regexp.MustCompile(`Max open files +999 +999 `).Match(text)
			})
			wantLimits(t, says)
			if says.UID != games || says.GID != gamesID {
				t.Errorf("it runs as %d:%d", says.UID, says.GID)
			}
			if other := ask(t, p, "free"); !strings.Contains(other.Limits, "NoNewPrivs:\t0 nice ") || strings.Contains(other.Limits, "nice 15") || strings.Contains(other.Limits, "oom 321") {
				t.Errorf("an app without limits has\n%s", other.Limits)
			}
			if r := p.Run(t.Context(), "restart", "app"); r.Code != 0 {
				t.Errorf("a restart ends with %d: %s", r.Code, r.Stderr)
			}
			wantLimits(t, ask(t, p, "app"))
			harness.Kill(t, p.Keeper())
			harness.Eventually(t, harness.ReadyLimit, "the app has died with the keeper", func() bool { return !harness.Alive(says.PID) })
		})
	}
}

func TestALimitThatPurserMayNotSetIsRefused(t *testing.T) {
	f := newFolder(t, games)
	r := check(t, harness.ServerTable()+f.app("app", `process_limits = { open_files = "unlimited" }`))
	want := regexp.MustCompile(`toml:8: apps\.app\.process_limits\.open_files: is unlimited, and (this system allows nobody|purser itself may have at most)`) // by its rights
	if r.Code != 2 || !want.MatchString(r.Stderr) {
		t.Errorf("purser check ends with %d: %q, want %q", r.Code, r.Stderr, want)
	}
}

// Root may raise what it was started with.
func TestAHardLimitOfPursersOwnIsRaisedForAnApp(t *testing.T) {
	f := newFolder(t, games)
	if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0); err != nil || has != 1 {
		t.Skip("root may not raise hard limits here: it is without CAP_SYS_RESOURCE")
	}
	low := []string{"sh", "-c", `ulimit -n 1024; exec "$0" "$@"`}
	config := harness.ServerTable() + f.app("app", "process_limits = { open_files = 4321 }")
	p := harness.Serve(t, harness.Options{Before: low, Config: config, Users: true})
	if says := ask(t, p, "app"); !regexp.MustCompile(`Max open files +4321 +4321 `).MatchString(says.Limits) {
		t.Errorf("the app is held to\n%s", says.Limits)
	}
}

// In a container, or by CapabilityBoundingSet= of a unit, root may lack the right.
func TestRootWithoutTheRightMayNotRaiseAHardLimit(t *testing.T) {
	f := newFolder(t, games)
	low := []string{"sh", "-c", `ulimit -n 1024; exec setpriv --bounding-set -sys_resource "$0" "$@"`}
	p := harness.Start(t, harness.Options{Before: low, Users: true, Config: harness.ServerTable() + f.app("app", "process_limits = { open_files = 4321 }")})
	<-p.Exited
	want := "open_files: is 4321, and purser itself may have at most 1024: only root with the capability CAP_SYS_RESOURCE, which this purser is without, may allow more"
	if lines := p.Log.Lines(want); len(lines) != 1 || p.Cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("it ended with %d:\n%s", p.Cmd.ProcessState.ExitCode(), p.Log.String())
	}
}

// An app that cannot live within its limits is one that does not start, and says why.
func TestAnAppThatIsHeldTooTightFailsToStart(t *testing.T) {
	f := newFolder(t, games)
	p := harness.Start(t, harness.Options{Users: true, Config: harness.ServerTable() + f.app("app", "process_limits = { open_files = 16 }")})
	harness.Eventually(t, harness.ReadyLimit, "the start has failed", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		return err == nil && s.Failure != nil
	})
	if got := p.Status(t, "app").Failure.Reason; !strings.Contains(got, "before it was ready") {
		t.Errorf("it says %q", got)
	}
}

func TestAGroupThatPurserHasNotIsRefused(t *testing.T) {
	f := newFolder(t, games)
	p := harness.Start(t, harness.Options{Users: true, Config: harness.ServerTable() + f.app("app", `memory_max = "1GiB"`, `cpu_max = "150%"`)})
	harness.Eventually(t, harness.ReadyLimit, "it serves within its limits, or does not", func() bool {
		select {
		case <-p.Exited:
			return true
		default:
			return p.WaitReady(t.Context()) == nil
		}
	})
	if harness.Alive(p.PID()) {
		return // control groups are there for it
	}
	if lines := p.Log.Lines("apps.app.memory_max: needs"); len(lines) != 1 || p.Cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("it ended with %d:\n%s", p.Cmd.ProcessState.ExitCode(), p.Log.String())
	}
}

// smallGroup is a control group with little memory, which purser does not know, of whichever version has the controller
// here.
func smallGroup(t *testing.T) string {
	t.Helper()
	top, limits := "/sys/fs/cgroup/memory", map[string]string{"memory.limit_in_bytes": "16M"} // of version 1
	if _, err := os.Stat(top); err != nil {
		top, limits = mountOfGroups(t), map[string]string{"memory.max": "16M", "memory.swap.max": "0"}
	}
	group, err := os.MkdirTemp(top, "purser-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.Remove(group)) })
	for name, value := range limits {
		file, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(value)
			must(t, file.Close())
		}
		if err != nil && name != "memory.swap.max" {
			t.Skipf("neither version of control groups limits memory here: %v", err)
		}
	}
	return group
}

func TestAProcessThatTheKernelHasKilledForWantOfMemoryIsKnownAsThat(t *testing.T) {
	f := newFolder(t, 0)
	group := smallGroup(t)
	command := fmt.Sprintf(`command = "echo $$ > %s/cgroup.procs; exec tail /dev/zero # {port}"`, group)
	p := harness.Start(t, harness.Options{Users: true, Config: harness.ServerTable() + f.app("app", `user = "root"`, command)})
	harness.Eventually(t, harness.ReadyLimit, "the start has failed", func() bool {
		s, err := p.FetchStatus(t.Context(), "app")
		return err == nil && s.Failure != nil
	})
	if got, want := p.Status(t, "app").Failure.Reason, "killed by signal KILL (by the kernel, it seems: the memory of this machine, or of its container, is used up) before it was ready"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if code, err := p.Stop(harness.ReadyLimit); err != nil || code != 0 {
		t.Errorf("it ended with %d (%v)", code, err)
	}
}

func TestLimitsComeWithAReloadAndStayWithWhatOutlivesAFront(t *testing.T) {
	f := newFolder(t, games)
	p := harness.Serve(t, harness.Options{Bin: publicBinary(t), Config: harness.ServerTable() + f.app("app"), Users: true})
	if keys := reload(t, p, f.app("app", allLimits)); !slices.Equal(keys, []string{"no_new_privs", "nice", "oom_score_adj", "process_limits.open_files", "process_limits.core", "process_limits.address_space", "process_limits.processes"}) {
		t.Errorf("the keys that a restart brings are %q", keys)
	}
	harness.AwaitRestart(t, p, "app", 2)
	held := ask(t, p, "app")
	wantLimits(t, held)
	if reloaded := p.Run(t.Context(), "reload"); reloaded.Code != 0 {
		t.Errorf("a reload ends with %d: %s", reloaded.Code, reloaded.Stderr)
	}
	front := p.Front()
	harness.Kill(t, front)
	harness.Eventually(t, harness.ReadyLimit, "another front serves", func() bool { next := p.Front(); return next != 0 && next != front })
	harness.Kill(t, held.PID)
	harness.AwaitRestartOf(t, p, "app", held.PID)
	wantLimits(t, ask(t, p, "app"))
	if r := p.Run(t.Context(), "upgrade", publicBinary(t)); r.Code != 0 {
		t.Fatalf("the upgrade ended with %d: %s", r.Code, r.Stderr)
	}
	again := ask(t, p, "app").PID
	harness.Kill(t, again)
	harness.AwaitRestartOf(t, p, "app", again)
	wantLimits(t, ask(t, p, "app"))
}
