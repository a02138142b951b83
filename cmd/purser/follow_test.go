package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"purser/pool"
	"purser/status"
)

func TestACanaryIsPromotedOrRolledBackByItsCommands(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	on := func(line string) ending { return l.purser(append(strings.Fields(line), "--instance", l.name)...) }

	on("promote demo").wants(t, exitFailed, "no canary waits")
	on("rollback demo").wants(t, exitFailed, "no older release")
	got := on("restart demo --canary 1")
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "1 process of generation 2 beside 3 old; finish with purser promote demo, or go back with purser rollback demo") {
		t.Errorf("the canary says %q", got.stdout)
	}
	if got := on("status"); !strings.Contains(got.stdout, "Canary: 1 process of generation 2 beside 3 old") {
		t.Errorf("status does not tell of the canary:\n%s", got.stdout)
	}
	if got := on("rollback demo --reason slow"); got.code != exitDone || !strings.Contains(got.stdout, "rolled back, generation 1 serves") {
		t.Errorf("the rollback says %+v", got)
	}
	if got := on("status"); !strings.Contains(got.stdout, "rolled back: slow") {
		t.Errorf("status does not tell of the rollback:\n%s", got.stdout)
	}
	on("restart demo --canary 9").wants(t, exitUsage, "more than there are old processes (3)")
	on("restart demo --canary 2").wants(t, exitUsage, "restart.surge is 1")
	on("restart demo --canary 30% --reason again").wants(t, exitDone)
	got = on("promote demo")
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "restarted, generation 3 is ready") || strings.Contains(got.stdout, "requested") {
		t.Errorf("the promotion says %q", got.stdout)
	}
	on("restart demo --strategy blocking").wants(t, exitDone)
	on("restart demo --strategy blue-green").wants(t, exitDone)
	if r := l.app().Restart; r.Strategy != pool.BlueGreen || r.State != pool.RestartDone {
		t.Errorf("the last restart is %+v", r)
	}
}

func TestWhatIsMarkedIsRestartedOnce(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	if got := l.purser("restart", "--marked", "--instance", l.name); got.code != exitDone || !strings.Contains(got.stdout, "Nothing needs a restart.") {
		t.Errorf("without a mark it says %+v", got)
	}
	root := l.app().Root
	for _, word := range []string{"demo", root} {
		l.purser("mark", word, "--reason", "openssl was upgraded", "--instance", l.name).wants(t, exitDone)
	}
	eventually(t, "status tells of the marks", func() bool {
		return strings.Contains(l.purser("status", "--instance", l.name).stdout, "Needs restart: marked")
	})
	got := l.purser("restart", "--marked", "--instance", l.name)
	got.wants(t, exitDone)
	if !strings.Contains(got.stdout, "restarted, generation 2 is ready") {
		t.Errorf("with marks it says %q", got.stdout)
	}
	if reason := l.app().Restart.Reason; !strings.Contains(reason, "openssl was upgraded") {
		t.Errorf("the reason is %q", reason)
	}
	eventually(t, "nothing is needed any more", func() bool { return len(l.app().NeedsRestart) == 0 })
	if got := l.purser("restart", "--marked", "--instance", l.name); !strings.Contains(got.stdout, "Nothing needs a restart.") {
		t.Errorf("after that it says %+v", got)
	}
}

func TestAFolderIsMarkedWithoutAPurser(t *testing.T) {
	l := newLand(t)
	folder := filepath.Dir(l.write("app/version.txt", "one"))
	l.purser("mark", folder, "--instance", l.name).wants(t, exitFailed, folder+"/tmp", "create it")
	if err := os.Mkdir(filepath.Join(folder, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := l.purser("mark", folder, "--reason", "libvips", "--instance", l.name)
	got.wants(t, exitDone)
	marks, err := filepath.Glob(folder + "/tmp/needs-restart.d/*")
	if err != nil || len(marks) != 1 {
		t.Fatalf("the marks are %v (%v), it says %q", marks, err, got.stdout)
	}
	if content, err := os.ReadFile(marks[0]); err != nil || string(content) != "libvips\n" {
		t.Errorf("the mark is %q (%v)", content, err)
	}
}

func TestADetachedProcessIsReplaced(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	pid := l.app().Processes[0].PID
	l.purser("detach", "demo", fmt.Sprint(pid), "--instance", l.name).wants(t, exitDone)
	eventually(t, "another has taken its place", func() bool {
		ready := 0
		for _, p := range l.app().Processes {
			if p.PID == pid {
				return false
			}
			if p.State == "ready" {
				ready++
			}
		}
		return ready == 3
	})
	l.purser("detach", "demo", fmt.Sprint(pid), "--instance", l.name).wants(t, exitUsage, "is ready")
}

func TestOnATerminalEveryProcessHasALine(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	screen, terminal := openTerminal(t)
	written := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(screen) // ends with an error once nobody has the terminal open
		written <- string(all)
	}()
	cmd := l.command("restart", "demo", "--instance", l.name)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdout = terminal
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	terminal.Close()
	got := <-written
	for _, says := range []string{"demo: 0/3 replaced, generation 2", "starting  generation 2", "serving   generation 1", "\x1b[5A", "restarted, generation 2 is ready"} {
		if !strings.Contains(got, says) {
			t.Errorf("the terminal does not show %q, but %q", says, got)
		}
	}
	if end := got[strings.LastIndex(got, "restarted, generation 2"):]; strings.Contains(end, "pid") {
		t.Errorf("the block stays behind: %q", end)
	}
}

// openTerminal returns both ends of a pseudo terminal of 80 columns and 24 lines.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("there are no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}

func TestAFailureSaysWhatVisitorsGet(t *testing.T) {
	app := func(ready ...int) *status.App {
		a := &status.App{}
		for _, generation := range ready {
			a.Processes = append(a.Processes, status.Process{ProcessSnapshot: pool.ProcessSnapshot{State: "ready", Generation: generation}})
		}
		return a
	}
	for _, c := range []struct {
		strategy, reason string
		after            *status.App
		ends             string
	}{
		{pool.Rolling, "exited with status 1", app(1, 1), "failed: exited with status 1; the old code serves on"},
		{pool.Rolling, "exited with status 1", app(2), "; the new code serves on"},
		{pool.Blocking, "exited with status 1", app(), "; no process serves now"},
		{pool.Rolling, "worse; it serves on, as the old code is no longer on disk", app(2), "no longer on disk"},
		{pool.Rollback, "exited with status 1", app(1), "the rollback of blog failed: exited with status 1; what served before serves on"},
		{pool.Rolling, "purser is stopping", nil, "failed: purser is stopping"},
	} {
		r := pool.RestartSnapshot{Generation: 2, Strategy: c.strategy, State: pool.RestartFailed, Failure: &pool.Failure{Reason: c.reason}}
		err := outcome("blog", r, c.after)
		if exitCode(err) != exitFailed || !strings.HasSuffix(err.Error(), c.ends) {
			t.Errorf("it says %q, not %q", err, c.ends)
		}
	}
}

func TestTheSentenceOfAFailureIsTheLastLine(t *testing.T) {
	r := pool.RestartSnapshot{Generation: 2, State: pool.RestartFailed, Failure: &pool.Failure{Reason: "exited with status 1", Output: []string{"one", "two"}}}
	var stderr strings.Builder
	complain(&stderr, outcome("blog", r, nil))
	if want := "  | one\n  | two\npurser: the restart of blog failed: exited with status 1\n"; stderr.String() != want {
		t.Errorf("it says %q, want %q", stderr.String(), want)
	}
}

func TestAnInterruptedRestartSaysThatItGoesOn(t *testing.T) {
	l := newLand(t)
	l.start("demo", "--listen", "127.0.0.1:0")
	l.awaitProcesses(3)
	cmd := l.command("restart", "demo", "--instance", l.name)
	var stdout, stderr lines
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has begun", func() bool { return strings.Contains(stdout.String(), "restarting to generation 2") })
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait() // its code is looked at below
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("the exit code is %d", code)
	}
	if want := "the restart of demo goes on, see purser status demo; purser rollback demo takes it back"; !strings.Contains(stderr.String(), want) {
		t.Errorf("it says %q", stderr.String())
	}
	eventually(t, "it went on", func() bool { return l.app().Restart.State == pool.RestartDone })
}
