package keeper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// source runs a fork source, the loader's own, in generation 7. What is forked from it runs the script.
func (h *house) source(script string) *Process {
	h.t.Helper()
	p := h.sourceProgram(script)
	p.Source = true
	started, err := h.keeper.Fork(p)
	check(h.t, err)
	return started
}

func (h *house) sourceProgram(script string) Program {
	h.t.Helper()
	p, out := sourceProgram(script), h.output.Fd()
	p.Files = [3]uintptr{out, out, out}
	return p
}

func sourceProgram(script string) Program {
	loader, err := filepath.Abs("../loader")
	if err != nil {
		panic(err)
	}
	begin := "import sys, os, time, socket; sys.path.insert(0, '" + loader + "'); import purser_source\n"
	return Program{Path: "/usr/bin/python3", Dir: "/", Args: []string{"python3", "-uc", begin + script},
		Env: []string{"PATH=/usr/bin:/bin", "PURSER_GENERATION=7", "PYTHONDONTWRITEBYTECODE=1"}}
}

// bear has a source make a process, with a number.
func (h *house) bear(from *Process, script, number string) (*Process, error) {
	h.t.Helper()
	<-from.Loaded()
	p := h.sourceProgram(script)
	p.From, p.Env = from, append(p.Env, "PURSER_PROCESS="+number)
	return h.keeper.Fork(p)
}

const tells = `
loaded = purser_source.run(os.getpid)
n = os.environ["PURSER_PROCESS"]
os.write(1, ("forked%s %d\nloaded-by%s %d\n" % (n, os.getpid(), n, loaded)).encode())
sys.exit(int(n)) if n != "0" else time.sleep(3600)`

func TestAForkSourceMakesChildrenOfTheKeeper(t *testing.T) {
	h := newHouse(t)
	source := h.source(tells)
	three, err := h.bear(source, tells, "3")
	check(t, err)
	h.ends(three, "exited with status 3")
	four, err := h.bear(source, tells, "4")
	check(t, err)
	h.ends(four, "exited with status 4")
	lasting, err := h.bear(source, tells, "0")
	check(t, err)
	for number, child := range map[string]*Process{"3": three, "4": four, "0": lasting} {
		if pid := h.pid("forked" + number); pid != child.PID() {
			t.Errorf("the keeper has %d as process %s, which says that it is %d", child.PID(), number, pid)
		}
		if by := h.pid("loaded-by" + number); by != source.PID() {
			t.Errorf("process %s was loaded by %d, and not by the source %d", number, by, source.PID())
		}
	}
	m, err := readMember(lasting.PID())
	check(t, err)
	if m.parent != h.keeper.PID() || m.group != m.pid {
		t.Errorf("it has the parent %d and the group %d: it is to be a child of the keeper %d, and to lead a group", m.parent, m.group, h.keeper.PID())
	}
	source.Kill()
	h.ends(source, "killed by signal KILL")
	if !lives(lasting.PID()) {
		t.Error("a process ended with its source")
	}
	if _, err := h.bear(source, tells, "5"); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a source that is gone makes processes: %v", err)
	}
	lasting.Stop(syscall.SIGTERM)
	h.ends(lasting, "killed by signal TERM")
}

func TestAForkedChildEndsWithTheKeeper(t *testing.T) {
	h := newHouse(t)
	child, err := h.bear(h.source(tells), tells, "0")
	check(t, err)
	h.keeper.Kill()
	<-child.Gone()
	h.eventually("the child is gone", func() bool { return !lives(child.PID()) })
}

func TestAForkSourceMakesOnlyItsOwnGenerationAndRelease(t *testing.T) {
	h := newHouse(t)
	source := h.source(tells)
	<-source.Loaded()
	for name, change := range map[string]func(*Program){
		"of another generation": func(p *Program) { p.Env[1] = "PURSER_GENERATION=8" },
		"of a later generation": func(p *Program) { p.Env = append(p.Env, "PURSER_GENERATION=8") },
		"of another release":    func(p *Program) { p.Dir = "/tmp" },
		"of another program":    func(p *Program) { p.Path = "/bin/sh" },
		"of another user":       func(p *Program) { p.User = &User{UID: 1, GID: 1} },
	} {
		p := h.sourceProgram(tells)
		p.From = source
		change(&p)
		if started, err := h.keeper.Fork(p); !errors.Is(err, syscall.EPERM) {
			t.Errorf("it makes a process %s: %v, %v", name, started, err)
		}
	}
}

// A source is the app's code: what it says it has made is looked at.
func TestWhatIsNoChildOfTheKeeperIsNotTakenForOne(t *testing.T) {
	answer := `
files = None
def be_born(keeper, prctl, files): %s
purser_source.be_born = be_born
purser_source.run(os.getpid)
time.sleep(3600)`
	for name, does := range map[string]string{
		"one that leads no group":   "own = socket.socket(fileno=files[4]); purser_source.say(own, purser_source.BORN); time.sleep(3600)",
		"one whose parent lives":    "os.fork() and time.sleep(3600); os.setpgid(0, 0); own = socket.socket(fileno=files[4]); purser_source.say(own, purser_source.BORN); time.sleep(3600)",
		"one that is never there":   "os._exit(0)",
		"one that says other words": "own = socket.socket(fileno=files[4]); own.send(b'x'); os._exit(0)",
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			h := newHouse(t)
			script := strings.Replace(answer, "%s", does, 1)
			source := h.source(script)
			if child, err := h.bear(source, script, "1"); err == nil {
				t.Errorf("it is child %d", child.PID())
			}
			if !lives(source.PID()) {
				t.Error("the source has ended")
			}
			source.Kill()
			<-source.Gone()
		})
	}
}

func TestASourceMakesNothingBeforeItHasLoaded(t *testing.T) {
	h := newHouse(t)
	source := h.source("time.sleep(3600)")
	p := h.sourceProgram(tells)
	p.From = source
	if _, err := h.keeper.Fork(p); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("it makes one: %v", err)
	}
}

func TestASourceThatDiesFailsWhatItWasAskedFor(t *testing.T) {
	h := newHouse(t)
	source := h.source("purser_source.fork = lambda: os.kill(os.getpid(), 9)\npurser_source.run(os.getpid)")
	if _, err := h.bear(source, "", "1"); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("the process that was asked for: %v", err)
	}
	h.ends(source, "killed by signal KILL")
}

func TestASourceAndWhatItMakesRunAsTheirUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may start programs as others")
	}
	h := newHouse(t)
	p := h.sourceProgram("")
	loader, err := os.ReadFile("../loader/purser_source.py")
	check(t, err)
	p.User, p.Source, p.Args = &User{UID: 12345, GID: 54321}, true, []string{"python3", "-uc", string(loader) + "\nrun(os.getpid)\nos.write(1, b'user %d\\n' % os.getuid())"}
	source, err := h.keeper.Fork(p)
	check(t, err)
	<-source.Loaded()
	p.Source, p.From = false, source
	child, err := h.keeper.Fork(p)
	check(t, err)
	h.ends(child, "")
	if uid := h.pid("user"); uid != 12345 {
		t.Errorf("it runs as user %d", uid)
	}
}

// loadsUntil is a source that has loaded its app when there is a file of a name in the folder of a whole.
func (w *whole) loadsUntil(name string) string {
	return "exists = lambda: os.path.exists('" + filepath.Join(w.dir, name) + "'); " +
		"purser_source.run(lambda: all(time.sleep(0.01) is None for _ in iter(exists, True))); time.sleep(3600)"
}

func TestASourceGoesOverToTheNextKeeperAndTheNextFront(t *testing.T) {
	w := newWhole(t)
	script := w.loadsUntil("later")
	loading, loaded := w.number("source loading %s", script), w.number("source loaded %s", w.loadsUntil("now"))
	w.begins("now")
	w.wants("done", "loaded loaded")
	first := w.number("bear app#1 loaded %s", w.loadsUntil("now"))
	w.wants("<nil>", itself)
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.wants("fronts 2; loading lives; loaded lives; app#1 lives; held door,systemd", "left")
	w.wants("done", "loaded loaded")
	second := w.number("bear app#2 loaded %s", w.loadsUntil("now"))
	w.begins("later")
	w.wants("done", "loaded loading")
	w.wants("<nil>", itself)
	third := w.number("bear app#3 loading %s", script)
	for _, pid := range []int{loading, loaded, first, second, third} {
		if !lives(pid) {
			t.Errorf("process %d has ended", pid)
		}
	}
	w.signal(loading, syscall.SIGKILL)
	w.wants("killed by signal KILL", "await loading")
	w.wants("no such process", "bear app#4 loading %s", script)
}

func TestWhatASourceIsAskedForWhenTheKeeperIsRenewedIsToBeAskedForAgain(t *testing.T) {
	w := newWhole(t)
	script := w.loadsUntil("now")
	w.begins("now")
	source := w.number("source loaded %s", script)
	w.wants("done", "loaded loaded")
	w.signal(source, syscall.SIGSTOP)
	keeper, answer := w.keeper(), make(chan string)
	before := descriptorsOf(t, keeper)
	go func() { answer <- w.ask("bear app#1 loaded %s", script) }()
	w.eventually("the keeper is asked for a process, before it is asked for the upgrade", func() bool { return descriptorsOf(t, keeper) > before })
	w.wants("<nil>", itself)
	if got := <-answer; got != ErrRenewed.Error() {
		t.Errorf("it said %q", got)
	}
	w.signal(source, syscall.SIGCONT)
	w.number("bear app#2 loaded %s", script)
}

func descriptorsOf(t *testing.T, pid int) int {
	t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	check(t, err)
	return len(all)
}
