package keeper

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A house is one keeper and what its children print.
type house struct {
	t      *testing.T
	keeper *Keeper
	output *os.File
}

func newHouse(t *testing.T) *house {
	t.Helper()
	output, err := os.CreateTemp(t.TempDir(), "output")
	check(t, err)
	h := &house{t: t, keeper: &Keeper{}, output: output}
	t.Cleanup(func() {
		h.keeper.Close()
		output.Close()
	})
	return h
}

// shell runs a script.
func (h *house) shell(script string) *Process {
	h.t.Helper()
	p, err := h.fork("/bin/sh", "sh", "-c", script)
	check(h.t, err)
	return p
}

func (h *house) fork(path string, args ...string) (*Process, error) {
	out := h.output.Fd()
	return h.keeper.Fork(Program{Path: path, Dir: "/", Args: args, Env: []string{"PATH=/usr/bin:/bin", "ODD=\xff\n"}, Files: [3]uintptr{out, out, out}})
}

func (h *house) printed() string {
	text, err := os.ReadFile(h.output.Name())
	check(h.t, err)
	return string(text)
}

// pid waits until a pid is printed after a word.
func (h *house) pid(word string) (pid int) {
	h.t.Helper()
	h.eventually("the pid of "+word+" is printed", func() bool {
		_, rest, found := strings.Cut(h.printed(), word+" ")
		line, _, ended := strings.Cut(rest, "\n")
		var err error
		pid, err = strconv.Atoi(line)
		return found && ended && err == nil
	})
	return pid
}

func (h *house) eventually(what string, holds func() bool) {
	h.t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			h.t.Fatalf("in 20 s it did not happen that %s; printed was\n%s", what, h.printed())
		}
	}
}

func (h *house) ends(p *Process, want string) {
	h.t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(20 * time.Second):
		h.t.Fatal("it did not end")
	}
	got := ""
	if err := p.Exit(); err != nil {
		got = err.Error()
	}
	if got != want {
		h.t.Errorf("its exit is %q, want %q", got, want)
	}
}

func lives(pid int) bool {
	m, err := readMember(pid)
	return err == nil && !m.dead
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAChildHasWhatItWasGivenAndNothingElse(t *testing.T) {
	inherited, err := os.Open("/")
	check(t, err)
	defer inherited.Close()
	_, _, number := syscall.Syscall(syscall.SYS_FCNTL, inherited.Fd(), syscall.F_SETFD, 0) // as if purser had got it from a shell
	if number != 0 {
		t.Fatal(number)
	}
	h := newHouse(t)
	h.ends(h.shell("printf %s \"$ODD\" | od -An -tx1; ls /proc/self/fd | tr '\\n' ' '; echo > /dev/tty || exit 7"), "exited with status 7")
	if got := h.printed(); !strings.Contains(got, "ff 0a\n0 1 2 3 ") { // 3 is what ls reads
		t.Errorf("it printed %q", got)
	}
}

func TestExitsAreTold(t *testing.T) {
	h := newHouse(t)
	h.ends(h.shell("exit 0"), "")
	h.ends(h.shell("exit 3"), "exited with status 3")
	p := h.shell("kill -USR1 $$; exec sleep 3600")
	h.ends(p, "killed by signal USR1")
	if p.Signal(syscall.SIGTERM) {
		t.Error("one that is gone was signalled")
	}
}

func TestWhatCannotRunIsAnError(t *testing.T) {
	h := newHouse(t)
	if _, err := h.fork("/nowhere", "nowhere"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := h.fork("/bin/true", "with\x00NUL"); err == nil {
		t.Error("an argument was cut off")
	}
	big := strings.Repeat("x", 100_000)
	p, err := h.fork("/bin/true", "true", big, big, big, big) // more than a packet holds
	check(t, err)
	h.ends(p, "")
}

// escapes are the ways in which a program leaves its group, its parent and its environment.
var escapes = map[string]string{
	"a child":            "sleep 3600 & echo left $!; ",
	"another session":    "setsid sh -c 'echo left $$; exec sleep 3600' & ",
	"a double fork":      "(setsid sh -c 'echo left $$; exec sleep 3600' & exit 0); ",
	"a new environment":  "env -i /usr/bin/setsid sh -c 'echo left $$; exec sleep 3600' & ",
	"a stopped orphan":   "(setsid sh -c 'echo left $$; kill -STOP $$' & exit 0); ",
	"deaf to all":        "setsid sh -c 'trap \"\" TERM HUP INT; echo left $$; while :; do sleep 3600; done' & ",
	"a daemon's daemons": "(setsid sh -c '(setsid sh -c \"echo left \\$\\$; exec sleep 3600\" & sleep 3600) & sleep 3600' & exit 0); ",
}

func TestNothingIsLeftAfterAKill(t *testing.T) {
	for name, escape := range escapes {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.shell(escape + "exec sleep 3600")
			left := h.pid("left")
			p.Kill()
			h.ends(p, "killed by signal KILL")
			h.isGone(left)
		})
	}
}

func TestNothingIsLeftAfterAStop(t *testing.T) {
	for name, escape := range escapes {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.shell(escape + "exec sleep 3600")
			left := h.pid("left")
			p.Stop(syscall.SIGTERM)
			h.ends(p, "killed by signal TERM")
			h.isGone(left)
		})
	}
}

func TestNothingIsLeftAfterAnExit(t *testing.T) {
	for name, escape := range escapes {
		if name == "a new environment" {
			continue // without parent, group and mark it is known only if it was seen before; it ends with the keeper
		}
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.shell(escape + "read line < /proc/$$/stat; while [ ! -e " + h.output.Name() + ".go ]; do sleep 0.01; done; exit 4")
			left := h.pid("left")
			check(t, os.WriteFile(h.output.Name()+".go", nil, 0o600))
			h.ends(p, "exited with status 4")
			h.isGone(left)
		})
	}
}

func TestNothingIsLeftAfterTheKeeper(t *testing.T) {
	for name, escape := range escapes {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.shell(escape + "exec sleep 3600")
			left := h.pid("left")
			h.keeper.Close()
			h.isGone(left)
		})
	}
}

func (h *house) isGone(pid int) {
	h.t.Helper()
	if lives(pid) {
		h.t.Errorf("process %d is left", pid)
	}
}

func TestAnotherChildIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	other := h.shell("setsid sh -c 'echo other $$; exec sleep 3600' & exec sleep 3600")
	pid := h.pid("other")
	p := h.shell(escapes["a double fork"] + "exec sleep 3600")
	h.pid("left")
	p.Kill()
	h.ends(p, "killed by signal KILL")
	if !lives(pid) || !lives(other.PID()) {
		t.Error("another child was killed with it")
	}
}

func TestAfterAStopTheGroupMayOutliveItsLeader(t *testing.T) {
	h := newHouse(t)
	p := h.shell("sh -c 'trap \"sleep 0.3; echo cleaned up; exit\" TERM; echo server $$; while :; do sleep 0.01; done' & wait")
	h.pid("server")
	p.Stop(syscall.SIGTERM)
	<-p.Exited()
	select {
	case <-p.Gone():
		t.Error("it is gone with its wrapper")
	default:
	}
	h.ends(p, "killed by signal TERM")
	if !strings.Contains(h.printed(), "cleaned up") {
		t.Error("its server could not clean up")
	}
}

func TestAfterAStopAKillEndsTheGroup(t *testing.T) {
	h := newHouse(t)
	p := h.shell("sh -c 'trap : TERM; echo server $$; while :; do sleep 0.01; done' & wait")
	server := h.pid("server")
	p.Stop(syscall.SIGTERM)
	<-p.Exited()
	p.Kill()
	h.ends(p, "killed by signal TERM")
	h.isGone(server)
}

func TestOneThatIsFollowedIsAskedAndAwaitedToo(t *testing.T) {
	h := newHouse(t)
	p := h.shell("setsid sh -c 'trap \"sleep 0.3; echo cleaned up; exit\" TERM; echo server $$; while :; do sleep 0.01; done' & exec sleep 3600")
	p.Follow(h.pid("server"))
	p.Stop(syscall.SIGTERM)
	h.ends(p, "killed by signal TERM")
	if !strings.Contains(h.printed(), "cleaned up") {
		t.Error("its server could not clean up")
	}
}

func TestChildrenOfAKilledKeeperAreGoneAndTheNextIsForked(t *testing.T) {
	h := newHouse(t)
	p := h.shell(escapes["a double fork"] + "exec sleep 3600")
	left := h.pid("left")
	check(t, syscall.Kill(h.keeper.PID(), syscall.SIGKILL))
	h.ends(p, "killed, as the process that runs the apps has died")
	h.isGone(left)
	h.ends(h.shell("exit 3"), "exited with status 3")
}

func TestSignalsThatEndPurserAreNotForItsKeeper(t *testing.T) {
	h := newHouse(t)
	p := h.shell("exec sleep 3600")
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		check(t, syscall.Kill(h.keeper.PID(), s))
	}
	p.Kill()
	h.ends(p, "killed by signal KILL")
}

func TestTypedByAPersonItSaysWhatItIs(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", word)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Run()
	if want := "purser: this command is for purser itself: it has no socket\n"; cmd.ProcessState.ExitCode() != 2 || said.String() != want {
		t.Errorf("exit code %d, said %q", cmd.ProcessState.ExitCode(), said.String())
	}
}

func TestKeeperThatIsStoppedIsKilledWithAllThatItKept(t *testing.T) {
	h := newHouse(t)
	p := h.shell(escapes["a double fork"] + "exec sleep 3600")
	left := h.pid("left")
	check(t, syscall.Kill(h.keeper.PID(), syscall.SIGSTOP))
	p.Kill() // which it does not hear
	h.keeper.Kill()
	h.ends(p, "killed, as the process that runs the apps has died")
	h.isGone(left)
}
