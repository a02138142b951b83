package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"purser/spawn/keeper"
	"purser/status"
)

// asPurser in the environment makes the test binary purser itself. The sample app does not inherit
// it, and is known by its argument.
const asPurser = "PURSER_TEST_AS_PURSER"

func TestMain(m *testing.M) {
	if keeper.Wanted(os.Args[1:]) {
		os.Exit(keeper.Run())
	}
	if os.Getenv(asPurser) != "" || len(os.Args) > 1 && os.Args[1] == "demo-app" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up the end of every keeper for a second
	goleak.VerifyTestMain(m)
}

// A land is where the pursers of one test live: with a home and a runtime folder of their own.
type land struct {
	t    *testing.T
	dir  string // short, for the paths of sockets
	name string // of the purser that serve starts
}

// newLand lets the test run beside others: most of their time, they wait for apps to start.
func newLand(t *testing.T) *land {
	t.Helper()
	t.Parallel()
	dir, err := os.MkdirTemp("", "pc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &land{t: t, dir: dir, name: filepath.Base(dir)}
}

// command is purser with these arguments.
func (l *land) command(args ...string) *exec.Cmd {
	l.t.Helper()
	binary, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = l.dir
	cmd.Env = append(cleanEnvironment(), asPurser+"=1", "HOME="+l.dir, "XDG_RUNTIME_DIR="+l.dir, "STATE_DIRECTORY="+l.dir, "TMPDIR="+l.dir,
		"GORACE=atexit_sleep_ms=0") // under -race, every exit takes a second otherwise
	return cmd
}

// cleanEnvironment is ours without what steers purser.
func cleanEnvironment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PURSER_") && !strings.HasPrefix(v, "NO_COLOR=") {
			env = append(env, v)
		}
	}
	return env
}

// An ending is how a command ended.
type ending struct {
	code           int
	stdout, stderr string
}

// purser runs a command to its end.
func (l *land) purser(args ...string) ending {
	l.t.Helper()
	return l.end(l.command(args...))
}

func (l *land) end(cmd *exec.Cmd) ending {
	l.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		l.t.Fatalf("cannot run %v: %v", cmd.Args, err)
	}
	return ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// wants checks a command's exit code and that its stderr says something.
func (e ending) wants(t *testing.T, code int, says ...string) {
	t.Helper()
	if e.code != code {
		t.Errorf("the exit code is %d, want %d; stderr: %s", e.code, code, e.stderr)
	}
	for _, s := range says {
		if !strings.Contains(e.stderr, s) {
			t.Errorf("stderr does not say %q, but %q", s, e.stderr)
		}
	}
}

// A served is a purser that serves.
type served struct {
	land *land
	cmd  *exec.Cmd
	log  *lines
	over chan struct{} // closed when it has ended
}

// start starts purser and returns once its admin API answers. It is stopped at the end of the test.
func (l *land) start(args ...string) *served {
	l.t.Helper()
	if os.Geteuid() == 0 && args[0] == "serve" {
		args = append(args, "--default-user", "root", "--serve-as", "root") // who may enter the folders of tests
	}
	s := l.launch(l.command(append(args, "--instance", l.name)...))
	client := status.NewClient(l.socket(), "")
	defer client.Close()
	eventually(l.t, "purser answers", func() bool {
		select {
		case <-s.over:
			l.t.Fatalf("purser has ended: %s", s.log)
		default:
		}
		return client.Alive(context.Background()) == nil
	})
	return s
}

func (l *land) launch(cmd *exec.Cmd) *served {
	l.t.Helper()
	s := &served{land: l, cmd: cmd, log: &lines{}, over: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		cmd.Wait() // its code is looked at by who wants it
		close(s.over)
	}()
	l.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		s.awaitEnd()
		if l.t.Failed() {
			l.t.Logf("purser wrote:\n%s", s.log)
		}
	})
	return s
}

// socket is the admin socket of the purser that start started.
func (l *land) socket() string {
	if os.Geteuid() == 0 {
		return filepath.Join("/run/purser", l.name+".sock")
	}
	return filepath.Join(l.dir, "purser", l.name+".sock")
}

// awaitEnd returns the exit code; it kills a purser that does not end.
func (s *served) awaitEnd() int {
	s.land.t.Helper()
	select {
	case <-s.over:
	case <-time.After(30 * time.Second):
		s.land.t.Errorf("purser has not ended within 30 s")
		s.cmd.Process.Kill()
		<-s.over
	}
	return s.cmd.ProcessState.ExitCode()
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

// eventually looks until ok, and ends the test if that takes more than 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 seconds: %s", what)
		}
		<-tick.C
	}
}

// freePort is an address on loopback that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// write writes a file below the land's folder and returns its path.
func (l *land) write(name, format string, args ...any) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}
