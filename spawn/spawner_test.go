package spawn

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"purser/conf"
)

func TestChildThatExitsAtOnceFailsWithItsLastLines(t *testing.T) {
	st := newStage(t, "exits", nil)
	failure := st.startFails()
	want := `cannot start app "blog": exited with status 3 before it was ready`
	if failure.Error() != want {
		t.Errorf("the error is %q, want %q", failure, want)
	}
	contains(t, failure.LastLines(), "about to fail")
	contains(t, failure.LastLines(), "no database")
}

func TestChildThatNeverListensIsKilledWithItsGrandchild(t *testing.T) {
	st := newStage(t, "never listens", func(app *conf.App) { app.StartTimeout = time.Second })
	failure := st.startFails()
	if want := "not ready within start_timeout (1s): nothing listened on port "; !strings.HasPrefix(failure.Reason, want) {
		t.Errorf("the reason is %q, want %q…", failure.Reason, want)
	}
	grandchild := number(t, st.said("grandchild "))
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
}

func TestCancelledStartLeavesNoChild(t *testing.T) {
	st := newStage(t, "never listens", nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	newer := errors.New("a newer release")
	result := make(chan error)
	go func() {
		_, err := st.spawner.Start(ctx, st.order)
		result <- err
	}()
	grandchild := number(t, st.said("grandchild "))
	cancel(newer)
	if err := <-result; err != newer {
		t.Errorf("Start returned %v, want the cause %v", err, newer)
	}
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
	if living := st.spawner.living(); len(living) > 0 {
		t.Errorf("%d children live on", len(living))
	}
}

func TestStopEndsTheChildAndWaitTellsEverybody(t *testing.T) {
	st := newStage(t, "serves", nil)
	child := st.start()
	if child.Generation != 7 || !alive(child.PID()) {
		t.Errorf("generation %d, alive %v", child.Generation, alive(child.PID()))
	}
	folder := filepath.Dir(child.Address())
	mode, err := os.Stat(folder)
	check(t, err)
	if mode.Mode().Perm() != 0o700 {
		t.Errorf("the socket folder has mode %v", mode.Mode())
	}
	second := make(chan error)
	go func() { second <- child.Wait() }()
	child.Stop()
	st.ends(child, "killed by signal TERM")
	if err := <-second; err == nil || err.Error() != "killed by signal TERM" {
		t.Errorf("the second caller of Wait got %v", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket folder is left: %v", err)
	}
	child.Stop() // late calls find nothing to do
	child.Kill()
}

func TestKillEndsAChildThatIgnoresTERM(t *testing.T) {
	st := newStage(t, "ignores TERM", nil)
	child := st.start()
	child.Stop()
	if st.send(child, "GET", "/", nil); !alive(child.PID()) {
		t.Error("it did not ignore TERM")
	}
	child.Kill()
	st.ends(child, "killed by signal KILL")
}

func TestKillReachesTheWholeGroupAndALeaderThatLeftIt(t *testing.T) {
	st := newStage(t, "leaves group", nil)
	child := st.start()
	grandchild := number(t, st.said("grandchild "))
	if group, err := syscall.Getpgid(child.PID()); err != nil || group == child.PID() {
		t.Fatalf("the child is in group %d, %v: it should have left its own", group, err)
	}
	child.Kill()
	st.ends(child, "killed by signal KILL")
	eventually(t, "the grandchild is gone", func() bool { return !alive(grandchild) })
}

func TestStopClosesStdinOfThatChildOnly(t *testing.T) {
	st := newStage(t, "ends by stdin", nil)
	first, second := st.start(), st.start()
	first.Stop() // the second was forked while the first's stdin was open
	st.ends(first, "")
	contains(t, first.LastLines(), "stdin closed")
	if !alive(second.PID()) {
		t.Error("the sibling ended too")
	}
	if status, _ := st.send(second, "GET", "/", nil); status != 404 {
		t.Errorf("the sibling answered %d", status)
	}
}

func TestGrandchildOutsideTheGroupEndsWithTheChild(t *testing.T) {
	st := newStage(t, "leaves a pipe", nil)
	failure := st.startFails()
	if failure.Reason != "exited with status 1 before it was ready" {
		t.Errorf("the reason is %q", failure.Reason)
	}
	st.grandchildIsGone()
}

// grandchildIsGone expects that what the child started is gone, though it had left the group.
func (st *stage) grandchildIsGone() {
	st.t.Helper()
	if grandchild := number(st.t, st.said("grandchild ")); alive(grandchild) {
		st.t.Errorf("the grandchild %d lives on", grandchild)
	}
}

func TestCloseKillsWhatLives(t *testing.T) {
	var child *Child
	t.Cleanup(func() { // runs after the stage's, which closes the Spawner
		if err := child.Wait(); err == nil || err.Error() != "killed by signal KILL" {
			t.Errorf("the child's exit is %v", err)
		}
	})
	child = newStage(t, "ignores TERM", nil).start()
}

func TestKilledPurserTakesItsChildrenWithIt(t *testing.T) {
	for _, role := range []string{"purser", "purser with a hook"} {
		t.Run(role, func(t *testing.T) {
			purser := exec.Command(executable(t))
			purser.Env = append(os.Environ(), roleVariable+"="+role, "SPAWN_TEST_DIR="+shortDir(t))
			stdout, err := purser.StdoutPipe()
			check(t, err)
			check(t, purser.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			check(t, err)
			child := number(t, strings.TrimSpace(strings.TrimPrefix(line, "child ")))
			if !alive(child) {
				t.Fatal("the child never lived")
			}
			check(t, purser.Process.Kill())
			purser.Wait()
			eventually(t, "the child is gone", func() bool { return !alive(child) })
		})
	}
}

func TestChildEnvironmentHasWhatIsHandedOn(t *testing.T) {
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres:///blog", "RAILS_MASTER_KEY": "a\nb=c", "SECRET": "1", "APP_KEY": "purser's", "LANG": "C",
		"PORT": "80", "PURSER_TOKEN": "1", "NOTIFY_SOCKET": "1", "LISTEN_FDS": "1", "WATCHDOG_USEC": "1", "NODE_ENV": "staging", "USER": "somebody else", "HOME": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	for _, test := range []struct {
		pass     []string
		has, not []string
	}{
		{[]string{"DATABASE_URL", "RAILS_*"}, []string{"DATABASE_URL=postgres:///blog", "RAILS_MASTER_KEY=a\\nb=c", "NODE_ENV=production"}, []string{"SECRET="}},
		{[]string{"*"}, []string{"SECRET=1", "APP_KEY=the app's", "LANG=C.UTF-8", "NODE_ENV=staging", "RACK_ENV=staging", "HOME=" + account()["HOME"]},
			[]string{"PURSER_TOKEN=", "NOTIFY_SOCKET=", "LISTEN_FDS=", "WATCHDOG_USEC=", "PORT=80", "USER=somebody else"}},
		{[]string{"HOME", "LANG"}, []string{"HOME=/nowhere", "LANG=C"}, []string{"SECRET="}},
	} {
		st := newAppStage(t, writeFiles(t, nil), func(app *conf.App) {
			app.Command, app.EnvPass, app.Environment = conf.Command{Args: []string{executable(t)}}, test.pass, ""
			app.Env = map[string]string{roleVariable: "tells its env", "APP_KEY": "the app's"}
			detected, err := Detect(*app)
			check(t, err)
			*app = detected
		})
		st.startFails()
		all := strings.Join(st.messages(), "\n") + "\n"
		for _, want := range test.has {
			if !strings.Contains(all, "env "+want+"\n") {
				t.Errorf("env_pass %v: %s is missing in\n%s", test.pass, want, all)
			}
		}
		for _, foreign := range test.not {
			if strings.Contains(all, "env "+foreign) {
				t.Errorf("env_pass %v handed on %s", test.pass, foreign)
			}
		}
	}
}

func TestRemovedRuntimeFolderIsMadeAgain(t *testing.T) {
	for _, removed := range []string{"all", "the app's folder", "the loaders"} {
		t.Run(removed, func(t *testing.T) {
			st := newAppStage(t, writeFiles(t, map[string]string{"wsgi.py": wsgiThatHangs}), func(app *conf.App) {
				app.Kind, app.StartupFile = kindPython, "wsgi.py"
			})
			st.start()
			folder := map[string]string{
				"all": st.spawner.folder.parent, "the app's folder": st.spawner.folder.path,
				"the loaders": filepath.Join(st.spawner.folder.path, loaders),
			}[removed]
			check(t, os.RemoveAll(folder))
			st.start()
		})
	}
}

func TestFullRuntimeFolderIsNotRememberedForEver(t *testing.T) {
	st := newStage(t, "serves", nil)
	parent := st.spawner.folder.parent
	check(t, os.Remove(parent))
	check(t, os.WriteFile(parent, nil, 0o600)) // nothing can be made in it, as root, too
	if failure := st.startFails(); !strings.HasPrefix(failure.Reason, "cannot make a runtime folder: ") {
		t.Errorf("the reason is %q", failure.Reason)
	}
	check(t, os.Remove(parent))
	st.start()
}

// Rails refuses to start a server while the process of its pid file lives, which is tmp/pids/server.pid for all.
func TestEachServerOfARailsAppHasItsOwnPidFile(t *testing.T) {
	st := newAppStage(t, writeFiles(t, map[string]string{"bin/rails": ""}), func(app *conf.App) {
		app.Kind = kindCommand
		app.Command = conf.Command{Args: []string{executable(t), "{socket}"}}
		app.Env = map[string]string{roleVariable: "tells its env"}
	})
	st.startFails()
	socket := st.said("env PURSER_SOCKET=")
	if file := st.said("env PIDFILE="); filepath.Dir(file) != filepath.Dir(socket) {
		t.Errorf("its pid file is %q, not beside its socket %q", file, socket)
	}
}

func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "sp")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestChildEnvironmentIsBuiltFromScratch(t *testing.T) {
	for _, name := range []string{"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "SECRET"} {
		t.Setenv(name, "1")
	}
	t.Setenv("PATH", "/usr/bin:/bin")
	t.Setenv("LANG", "de_DE.UTF-8")
	t.Setenv("TZ", "Europe/Berlin")
	release := writeFiles(t, nil)
	current := filepath.Join(t.TempDir(), "current")
	check(t, os.Symlink(release, current))
	st := newAppStage(t, current, func(app *conf.App) {
		app.Kind = kindCommand
		app.Command = conf.Command{Args: []string{executable(t), "{socket}"}}
		app.Env = map[string]string{roleVariable: "tells its env", "APP_ENV": "blue", "EMPTY": ""}
	})
	st.startFails()
	want := []string{
		"APP_ENV=blue", "EMPTY=", "HOME=" + account()["HOME"], "LANG=de_DE.UTF-8",
		"LOGNAME=" + account()["LOGNAME"], "NODE_ENV=production", "PATH=/usr/bin:/bin",
		"PURSER_APP=blog", "PURSER_CHILD=" + st.said("env PURSER_CHILD="), "PURSER_GENERATION=7", "PURSER_INDEX=1", "PURSER_PROCESS=2", "PURSER_RELEASE=" + release,
		"PURSER_SOCKET=" + st.said("env PURSER_SOCKET="), "PWD=" + current, "PYTHONUNBUFFERED=1",
		"RACK_ENV=production", "RAILS_ENV=production", "SHELL=" + account()["SHELL"],
		roleVariable + "=tells its env", "TZ=Europe/Berlin", "USER=" + account()["USER"],
		"WSGI_ENV=production",
	}
	var got []string
	for _, line := range st.log.lines() {
		if variable, ok := strings.CutPrefix(line.Text, "env "); ok {
			got = append(got, variable)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the environment is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if dir := st.said("cwd "); dir != release {
		t.Errorf("it runs in %s, want the real path %s", dir, release)
	}
}
