package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// front is the pid of the process that serves, 0 if there is none just now.
func (s *served) front(t *testing.T) int {
	t.Helper()
	for _, pid := range childrenOf(t, first(childrenOf(t, s.cmd.Process.Pid))) {
		if line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); strings.HasPrefix(string(line), "purser-front\x00") {
			return pid
		}
	}
	return 0
}

func TestAFrontThatIsKilledIsFollowedByAnother(t *testing.T) {
	l := newLand(t)
	app := filepath.Dir(l.write("app/version.txt", "one"))
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(l.dir, "web")
	file := l.write("purser.toml", "server.listen = [\"127.0.0.1:0\", \"unix:%s\"]\nserver.metrics = %q\n[apps.app]\nroot = %q\ncommand = [%q, \"demo-app\", \"{socket}\"]\n", socket, freePort(t), app, binary)
	purser := l.start("serve", "-c", file)
	l.awaitProcesses(1)
	address, first := l.address(), purser.front(t)
	syscall.Kill(first, syscall.SIGKILL)
	answer, err := http.Get("http://" + address + "/") // waits in the socket for the next
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || purser.front(t) == first {
		t.Errorf("the next one answered with %d", answer.StatusCode)
	}
	if got := l.document(); got.PID != purser.cmd.Process.Pid || l.address() != address {
		t.Errorf("status shows pid %d and %s, want %d and %s", got.PID, l.address(), purser.cmd.Process.Pid, address)
	}
	purser.cmd.Process.Signal(syscall.SIGTERM)
	if code := purser.awaitEnd(); code != exitDone {
		t.Errorf("the exit code is %d, want 0", code)
	}
	for _, path := range []string{socket, l.socket()} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

// Its configuration may have been broken meanwhile: what it has inherited stays for the one that comes when it is mended.
// What has changed on disk since purser has read it is for the next reload.
func TestAFrontGoesOnByWhatTheOneBeforeHasRead(t *testing.T) {
	l := newLand(t)
	app := filepath.Dir(l.write("app/version.txt", "one"))
	logs := filepath.Dir(l.write("logs/other", ""))
	file := l.write("purser.toml", demoAppConfig, "127.0.0.1:0", app, filepath.Join(logs, "app.log"), executable(t))
	purser := l.start("serve", "-c", file)
	address := l.address()
	awaitAnswer(t, address)
	l.write("purser.toml", "nonsense")
	for _, folder := range []string{app, logs} {
		if err := os.Rename(folder, folder+".gone"); err != nil {
			t.Fatal(err)
		}
	}
	syscall.Kill(purser.front(t), syscall.SIGKILL)
	awaitAnswer(t, address)
}

const demoAppConfig = "server.listen = [%q]\n[apps.app]\nroot = %q\nlog = %q\ncommand = [%q, \"demo-app\", \"{socket}\"]\n"

func awaitAnswer(t *testing.T, address string) {
	t.Helper()
	eventually(t, "there is an answer", func() bool {
		answer, err := http.Get("http://" + address + "/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
}

func executable(t *testing.T) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestWhatIsWrongAtTheStartIsSaidOnce(t *testing.T) {
	l := newLand(t)
	file := l.write("purser.toml", "nonsense = 1\n")
	got := l.purser("serve", "-c", file)
	got.wants(t, exitUsage, "nonsense")
	if strings.Count(got.stderr, "nonsense") != 1 || strings.Contains(got.stderr, "process") {
		t.Errorf("it said %q", got.stderr)
	}
}

func TestQuitPrintsStacksAndEndsIt(t *testing.T) {
	l := newLand(t)
	demo := l.start("demo", "--listen", "127.0.0.1:0")
	demo.cmd.Process.Signal(syscall.SIGQUIT)
	if code := demo.awaitEnd(); code != 2 || !strings.Contains(demo.log.String(), "goroutine 1") {
		t.Errorf("the exit code is %d, want 2 as Go has it", code)
	}
}
