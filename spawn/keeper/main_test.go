package keeper

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asMain is the argument that makes the test binary a main process, of a fake front.
const asMain = "main-process"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up every exit for a second
	switch {
	case Wanted(os.Args[1:]):
		lame()
		os.Exit(Run())
	case IsReader():
		os.Exit(runFakeReader(os.Args[1:]))
	case IsFront():
		if err := Confine(); err != nil {
			panic(err)
		}
		os.Exit(runFakeFront(os.Args[1:]))
	case len(os.Args) > 1 && os.Args[1] == asMain:
		os.Exit(runTestMain())
	}
	goleak.VerifyTestMain(m)
}

func runTestMain() int {
	spare, err := os.Open(os.DevNull)
	if err != nil {
		panic(err)
	}
	m := Main{Args: os.Args[2:], Env: os.Environ(), Held: []Held{{"systemd", spare}}, Watchdog: time.Second,
		Notify: func(text string) { fmt.Println("to systemd:", strings.ReplaceAll(text, "\n", " ")) }}
	code, err := m.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	return code
}

// A whole is a purser of the tests: a main process, a keeper and a front.
type whole struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	output lines
	over   chan struct{}
}

func newWhole(t *testing.T, args ...string) *whole {
	t.Helper()
	return newWholeWith(t, "", args...)
}

// newWholeWith has a variable in its environment.
func newWholeWith(t *testing.T, variable string, args ...string) *whole {
	t.Helper()
	return startWhole(t, t.TempDir(), variable, args...)
}

// newWholeIn is in a folder.
func newWholeIn(t *testing.T, dir string) *whole {
	t.Helper()
	return startWhole(t, dir, "")
}

func startWhole(t *testing.T, dir, variable string, args ...string) *whole {
	t.Helper()
	t.Parallel() // most of their time they wait
	w := &whole{t: t, dir: dir, over: make(chan struct{})}
	if len(args) == 0 {
		args = []string{w.dir}
	}
	w.cmd = exec.Command("/proc/self/exe", append([]string{asMain}, args...)...)
	w.cmd.Env = append(os.Environ(), variable)
	w.cmd.Stdout, w.cmd.Stderr = &w.output, &w.output
	w.cmd.WaitDelay = 5 * time.Second
	check(t, w.cmd.Start())
	go func() {
		w.cmd.Wait() // its code is looked at by who wants it
		close(w.over)
	}()
	t.Cleanup(func() {
		w.cmd.Process.Signal(syscall.SIGKILL)
		<-w.over
		if t.Failed() {
			t.Logf("printed was\n%s", &w.output)
		}
	})
	return w
}

// ask has the front do something. Who asks while no front lives waits for the next.
func (w *whole) ask(format string, args ...any) string {
	w.t.Helper()
	var address []byte
	w.eventually("the front has opened its door", func() (is bool) {
		var err error
		address, err = os.ReadFile(filepath.Join(w.dir, "address"))
		return err == nil && len(address) > 0
	})
	conn, err := net.Dial("tcp", string(address))
	check(w.t, err)
	defer conn.Close()
	check(w.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	fmt.Fprintf(conn, format+"\n", args...)
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		return "" // it has ended meanwhile
	}
	return strings.TrimSpace(string(answer))
}

func (w *whole) wants(want, format string, args ...any) {
	w.t.Helper()
	if got := w.ask(format, args...); got != want {
		w.t.Errorf("%s: it said %q, want %q", fmt.Sprintf(format, args...), got, want)
	}
}

// number is an answer that is one, such as a pid.
func (w *whole) number(format string, args ...any) int {
	w.t.Helper()
	answer := w.ask(format, args...)
	number, err := strconv.Atoi(answer)
	if err != nil {
		w.t.Fatalf("%s: it said %q", fmt.Sprintf(format, args...), answer)
	}
	return number
}

func (w *whole) signal(pid int, s syscall.Signal) {
	w.t.Helper()
	check(w.t, syscall.Kill(pid, s))
}

func (w *whole) eventually(what string, holds func() bool) {
	w.t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			w.t.Fatalf("in 30 s it did not happen that %s", what)
		}
	}
}

func (w *whole) prints(text string) {
	w.t.Helper()
	w.eventually("it prints "+text, func() bool { return strings.Contains(w.output.String(), text) })
}

func (w *whole) endsWith(code int) {
	w.t.Helper()
	select {
	case <-w.over:
	case <-time.After(30 * time.Second):
		w.t.Fatal("it does not end")
	}
	if got := w.cmd.ProcessState.ExitCode(); got != code {
		w.t.Errorf("it ended with code %d, want %d", got, code)
	}
}

// keeper is the pid of the keeper.
func (w *whole) keeper() (pid int) {
	w.t.Helper()
	w.eventually("the keeper runs", func() bool {
		for _, m := range readTable() {
			if m.parent == w.cmd.Process.Pid {
				pid = m.pid
			}
		}
		return pid != 0
	})
	return pid
}

// lines is a buffer that several goroutines may write to and look at.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

const echo = "while read line; do echo heard $line; done; echo end of file; sleep 3600"

func TestTheNextFrontInheritsWhatTheOneBeforeHad(t *testing.T) {
	w := newWhole(t)
	first := w.number("pid")
	app := w.number("fork app#1 %s", echo)
	w.wants("<nil>", "note group/app one")
	w.wants("<nil>", "note group/app two")
	w.wants("<nil>", "note group/gone three")
	w.wants("<nil>", "note group/gone")
	w.signal(first, syscall.SIGKILL)
	if second := w.number("pid"); second == first {
		t.Error("it is the same front")
	}
	w.wants("fronts 1; app#1 lives; held door,systemd", "left")
	w.wants("two", "noted group/app")
	w.wants("", "noted group/gone")
	w.wants("<nil>", "write app#1 hello")
	w.wants("heard hello <nil>", "read app#1")
	if !lives(app) {
		t.Error("the app has ended")
	}
	w.prints("was killed by signal KILL, and another takes its place")
	w.wants(strconv.Itoa(w.cmd.Process.Pid), "main")
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
	if lives(app) {
		t.Error("the app is left")
	}
}

func TestAConnectionMadeWhileNoFrontLivesIsServedByTheNext(t *testing.T) {
	w := newWhole(t)
	first := w.number("pid")
	w.signal(w.keeper(), syscall.SIGSTOP) // so that no front follows
	w.signal(first, syscall.SIGKILL)
	w.eventually("the front is dead", func() bool { return !lives(first) })
	answer := make(chan string)
	go func() { answer <- w.ask("pid") }()
	w.signal(w.keeper(), syscall.SIGCONT)
	if second := <-answer; second == strconv.Itoa(first) || second == "" {
		t.Errorf("the second front said %q", second)
	}
}

func TestAFrontThatHangsIsReplaced(t *testing.T) {
	w := newWhole(t)
	first := w.number("pid")
	app := w.number("fork app#1 sleep 3600")
	begin := time.Now()
	w.signal(first, syscall.SIGSTOP)
	w.prints("gives no sign of life")
	w.eventually("it is dead", func() bool { return !lives(first) })
	if took := time.Since(begin); took < lifeSign {
		t.Errorf("it was killed after %s", took)
	}
	w.wants("fronts 1; app#1 lives; held door,systemd", "left")
	if !lives(app) {
		t.Error("the app has ended")
	}
}

func TestAFrontThatIsSilentSaysWhereItHangs(t *testing.T) {
	w := newWhole(t)
	w.wants("done", "silent")
	w.prints("SIGQUIT: quit")
	w.prints("exited with status 2")
	w.wants("fronts 1; held door,systemd", "left")
}

func TestAFrontMayGiveItsDescriptorsBack(t *testing.T) {
	w := newWhole(t)
	w.number("fork app#1 %s", echo)
	w.wants("done", "stop app#1")
	w.wants("killed by signal TERM", "await app#1")
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.wants("fronts 1; held door,systemd", "left")
}

func TestWhatIsToldToStopGoesOnStopping(t *testing.T) {
	w := newWhole(t)
	w.number("fork app#1 trap : TERM; cat; echo end of file; while :; do sleep 0.01; done")
	w.wants("done", "stop app#1")
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.wants("fronts 1; app#1 lives, stopping; held door,systemd", "left")
	w.wants("end of file <nil>", "read app#1")
}

func TestWhoEndsWhileNoFrontLivesIsToldOfAfterwards(t *testing.T) {
	w := newWhole(t)
	app := w.number("fork app#1 sleep 3600")
	keeper, first := w.keeper(), w.number("pid")
	check(t, os.WriteFile(filepath.Join(w.dir, "broken"), nil, 0o600))
	w.signal(first, syscall.SIGKILL)
	w.prints("exited with status 3")
	w.signal(keeper, syscall.SIGSTOP)
	w.signal(app, syscall.SIGKILL)
	w.eventually("the app is dead", func() bool { return !lives(app) })
	check(t, os.Remove(filepath.Join(w.dir, "broken")))
	w.signal(keeper, syscall.SIGCONT)
	if got := w.ask("left"); !strings.HasSuffix(got, "app#1 gone: killed by signal KILL; held door,systemd") && !strings.HasSuffix(got, "0; held door,systemd") {
		t.Errorf("it has inherited %q", got)
	}
}

func TestHooksEndWithTheirFront(t *testing.T) {
	w := newWhole(t)
	hook := w.number("hook setsid sleep 3600 & exec sleep 3600")
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.wants("fronts 1; held door,systemd", "left")
	w.eventually("the hook is gone", func() bool { return !lives(hook) })
}

func TestNamesOfTheLivingAreUnique(t *testing.T) {
	w := newWhole(t)
	w.number("fork app#1 sleep 3600")
	w.wants("file exists", "fork app#1 sleep 3600")
}

func TestAFrontThatFailsAtTheStartEndsAllWithItsCode(t *testing.T) {
	w := newWhole(t, "exit", "2")
	w.endsWith(2)
	if got := w.output.String(); strings.Contains(got, "purser") {
		t.Errorf("it printed %q", got) // there is nothing to say beside what the front has said
	}
}

func TestAFrontThatFailsAgainAndAgainIsStartedAgainLater(t *testing.T) {
	w := newWhole(t)
	first := w.number("pid")
	check(t, os.WriteFile(filepath.Join(w.dir, "broken"), nil, 0o600))
	w.signal(first, syscall.SIGKILL)
	w.prints("takes its place in 400ms")
	check(t, os.Remove(filepath.Join(w.dir, "broken")))
	if pid := w.number("pid"); pid == first {
		t.Error("it is the same front")
	}
}

func TestTheCodeOfTheFrontIsThatOfPurser(t *testing.T) {
	w := newWhole(t)
	w.wants("done", "stopping")
	w.ask("exit 7")
	w.endsWith(7)
}

func TestAfterACrashInTheStopTheNextFrontStopsTheApps(t *testing.T) {
	w := newWhole(t)
	app := w.number("fork app#1 trap : TERM; while :; do sleep 0.01; done")
	w.wants("done", "stopping")
	w.signal(w.number("pid"), syscall.SIGKILL)
	w.prints("takes its place at once")
	w.endsWith(0)
	if lives(app) {
		t.Error("the app is left")
	}
}

func TestSignalsAreForTheFront(t *testing.T) {
	w := newWhole(t)
	w.number("pid")
	w.signal(w.cmd.Process.Pid, syscall.SIGHUP)
	w.eventually("the front has got HUP", func() bool { return w.ask("got") == "HUP" })
	w.signal(w.cmd.Process.Pid, syscall.SIGUSR1)
	w.eventually("the front has got USR1", func() bool { return w.ask("got") == "HUP USR1" })
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	w.endsWith(0)
}

func TestQuitEndsItWithStacks(t *testing.T) {
	w := newWhole(t)
	w.number("pid")
	w.signal(w.cmd.Process.Pid, syscall.SIGQUIT)
	w.endsWith(2)
	w.prints("SIGQUIT: quit")
}

func TestTheMainProcessTalksToSystemd(t *testing.T) {
	w := newWhole(t)
	w.prints("to systemd: READY=1 STATUS=0")
	w.prints("to systemd: WATCHDOG=1")
}

func TestASecondTermEndsItThoughTheKeeperIsStopped(t *testing.T) {
	w := newWhole(t)
	app := w.number("fork app#1 %ssleep 3600", escapes["a double fork"])
	w.signal(w.keeper(), syscall.SIGSTOP)
	w.signal(w.cmd.Process.Pid, syscall.SIGTERM)
	begin := time.Now()
	w.eventually("another TERM is a second one", func() bool { return time.Since(begin) > 2*sameSignal })
	again := time.NewTicker(takingTime / 4) // as impatient people do it
	defer again.Stop()
	for ended := false; !ended; {
		_ = w.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-w.over:
			ended = true
		case <-again.C:
		}
	}
	w.endsWith(99)
	w.prints(ErrKeeper.Error())
	if lives(app) {
		t.Error("the app is left")
	}
}

// deaths are the ways in which a purser is killed.
var deaths = map[string]func(w *whole){
	"the main process": func(w *whole) { w.signal(w.cmd.Process.Pid, syscall.SIGKILL) },
	"the keeper":       func(w *whole) { w.signal(w.keeper(), syscall.SIGKILL) },
	"the main process while the keeper is stopped": func(w *whole) {
		w.signal(w.keeper(), syscall.SIGSTOP)
		w.signal(w.cmd.Process.Pid, syscall.SIGKILL)
	},
}

func TestNothingOutlivesTheMainProcessOrTheKeeper(t *testing.T) {
	for who, dies := range deaths {
		t.Run(who, func(t *testing.T) {
			w := newWhole(t)
			for name, escape := range escapes {
				w.number("fork %s %sexec sleep 3600", strings.ReplaceAll(name, " ", "-"), escape)
			}
			var all []member
			w.eventually("all have escaped", func() bool {
				table := readTable()
				all = all[:0]
				for _, m := range table {
					if table.below(m, w.cmd.Process.Pid) {
						all = append(all, m)
					}
				}
				return len(all) >= 2+2*len(escapes)
			})
			dies(w)
			<-w.over
			begin := time.Now()
			for _, m := range all {
				w.eventually("nothing is left", func() bool { return !m.lives() })
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
