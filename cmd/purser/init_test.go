package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/procfs"
)

// asInit runs purser as process 1 of a new PID namespace; who is not root needs a user namespace.
func (l *land) asInit(args ...string) *served {
	cmd := l.command(args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	}
	return l.launch(cmd)
}

func TestASystemdThatCannotBeToldIsSaidOnce(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", t.TempDir()+"/none")
	var said bytes.Buffer
	tell := systemdTeller(&said)
	for range 3 {
		tell("WATCHDOG=1")
	}
	if n := strings.Count(said.String(), "cannot notify systemd"); n != 1 {
		t.Errorf("it is said %d times: %s", n, &said)
	}
}

func TestProcessOnePassesTheExitCodeOn(t *testing.T) {
	l := newLand(t)
	if code := l.asInit("stauts").awaitEnd(); code != exitUsage {
		t.Errorf("the exit code is %d, want 2", code)
	}
}

func TestProcessOneReapsOrphansAndPassesSignalsOn(t *testing.T) {
	l := newLand(t)
	app := filepath.Dir(l.write("app/version.txt", "one"))
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The subshell ends at once and leaves sleep to the keeper.
	shell := fmt.Sprintf("(sleep 3 &); exec %s demo-app $1", binary)
	command := l.write("app/start.sh", "%s", shell)
	purser := l.asInit("serve", app, "--listen", "127.0.0.1:0", "--instance", l.name,
		"--command", "sh "+command+" {socket}", "--processes", "1", "--user", strconv.Itoa(os.Geteuid()))
	var keeper, orphan int
	eventually(t, "the keeper has got an orphan", func() bool {
		keeper = first(childrenOf(t, purser.cmd.Process.Pid))
		orphan = first(slices.DeleteFunc(childrenOf(t, keeper), func(pid int) bool { return programOf(pid) != "sleep" }))
		return orphan != 0
	})
	eventually(t, "the orphan is gone, and was reaped", func() bool { return !slices.Contains(childrenOf(t, keeper), orphan) })
	purser.cmd.Process.Signal(syscall.SIGTERM)
	if code := purser.awaitEnd(); code != exitDone {
		t.Errorf("the exit code is %d, want 0", code)
	}
}

// programOf is the name of the program that a process runs, "" if it is gone.
func programOf(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

func first(pids []int) int {
	if len(pids) == 0 {
		return 0
	}
	return pids[0]
}

// childrenOf are the children of a process, the dead ones that nobody reaped included. Of none (0) there are none:
// those that the kernel says are of 0 are strangers.
func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	processes, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil && stat.PPID == pid && pid != 0 {
			children = append(children, p.PID)
		}
	}
	return children
}
