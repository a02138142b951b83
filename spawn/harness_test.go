package spawn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"purser/conf"
	"purser/spawn/keeper"
)

const roleVariable = "SPAWN_TEST_ROLE"

func TestMain(m *testing.M) {
	if keeper.Wanted(os.Args[1:]) {
		os.Exit(keeper.Run())
	}
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up the end of every keeper for a second
	goleak.VerifyTestMain(m)
}

// A stage is one Spawner with its app, release folder and log.
type stage struct {
	t       *testing.T
	app     conf.App
	order   Order
	spawner *Spawner
	log     *logBuffer
}

// newStage has an app whose child is this test binary in a role.
func newStage(t *testing.T, role string, change func(*conf.App)) *stage {
	t.Helper()
	return newAppStage(t, t.TempDir(), func(app *conf.App) {
		app.Kind, app.Concurrency = kindCommand, conf.Unlimited
		app.Command = conf.Command{Args: []string{executable(t)}}
		// The race detector would hold up every exit for a second.
		app.Env = map[string]string{roleVariable: role, "GORACE": "atexit_sleep_ms=0"}
		if change != nil {
			change(app)
		}
	})
}

func newAppStage(t *testing.T, root string, change func(*conf.App)) *stage {
	t.Helper()
	runtimeDir, err := os.MkdirTemp("", "sp") // t.TempDir is too long for a socket
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(runtimeDir) })
	real, err := filepath.EvalSymlinks(root)
	check(t, err)
	st := &stage{t: t, log: &logBuffer{}, order: Order{Generation: 7, Process: 2, Index: 1, Path: real}}
	st.app = conf.App{
		Name: "blog", Root: root, Environment: "production",
		StartTimeout: 30 * time.Second, StopTimeout: 10 * time.Second, StopSignal: "TERM",
		Health: conf.Health{
			Expect: conf.Expect{"2xx"}, Passes: 1,
			// Whoever waits for an interval without need is seen to by the start timeout.
			Interval: time.Minute, Timeout: 5 * time.Second,
		},
	}
	if change != nil {
		change(&st.app)
	}
	k := &keeper.Keeper{}
	st.spawner = New(k, st.app, runtimeDir, st.log.take)
	t.Cleanup(func() {
		check(t, st.spawner.Close())
		k.Close()
		left, err := os.ReadDir(runtimeDir)
		check(t, err)
		if len(left) > 0 {
			t.Errorf("Close left %v in the runtime folder", left)
		}
	})
	return st
}

func (st *stage) start() *Child {
	st.t.Helper()
	child, err := st.spawner.Start(st.t.Context(), st.order)
	if err != nil {
		st.t.Fatalf("%v\n%s", err, strings.Join(lastLines(err), "\n"))
	}
	st.order.Process++ // no two that live have the same
	return child
}

func (st *stage) startFails() *StartError {
	st.t.Helper()
	child, err := st.spawner.Start(st.t.Context(), st.order)
	if err == nil {
		st.t.Fatalf("child %d became ready, it should have failed", child.PID())
	}
	failure, ok := errors.AsType[*StartError](err)
	if !ok {
		st.t.Fatalf("Start failed with %T (%v), want a *StartError", err, err)
	}
	return failure
}

func lastLines(err error) []string {
	if failure, ok := errors.AsType[*StartError](err); ok {
		return failure.LastLines()
	}
	return nil
}

// ends waits for the child and checks why it exited ("" is status 0).
func (st *stage) ends(child *Child, want string) {
	st.t.Helper()
	got := ""
	if err := child.Wait(); err != nil {
		got = err.Error()
	}
	if got != want {
		st.t.Errorf("the child's exit is %q, want %q", got, want)
	}
}

func (st *stage) get(child *Child, path string) string {
	st.t.Helper()
	status, body := st.send(child, "GET", path, nil)
	if status != 200 {
		st.t.Fatalf("GET %s: status %d, %s", path, status, body)
	}
	return body
}

func (st *stage) send(child *Child, method, path string, body io.Reader) (int, string) {
	st.t.Helper()
	answer := request(st.t.Context(), child, method, path, body)
	check(st.t, answer.err)
	return answer.status, answer.body
}

type reply struct {
	status int
	body   string
	err    error
}

// getting is get in the background.
func (st *stage) getting(child *Child, path string) <-chan reply {
	answer := make(chan reply, 1)
	go func() { answer <- request(st.t.Context(), child, "GET", path, nil) }()
	return answer
}

func request(ctx context.Context, child *Child, method, path string, body io.Reader) reply {
	client := http.Client{Transport: &http.Transport{DialContext: child.dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, method, "http://example.org"+path, body)
	if err != nil {
		return reply{err: err}
	}
	r.Header.Set("X-Real-IP", "203.0.113.9")
	response, err := client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, string(text), err}
}

func (st *stage) connect(child *Child) net.Conn {
	st.t.Helper()
	connection, err := child.dial(st.t.Context(), "", "")
	check(st.t, err)
	st.t.Cleanup(func() { connection.Close() })
	check(st.t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	return connection
}

func (st *stage) eventually(what string, holds func() bool) {
	st.t.Helper()
	eventually(st.t, what, holds)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("in 20 s it did not happen that %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !bytes.Contains(state, []byte(") Z "))
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	check(t, err)
	return path
}

// need fails the test if a program is missing: a skipped test proves nothing.
func need(t *testing.T, program, install string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("this test needs %s: %s", program, install)
	}
}

func writeFiles(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(content), 0o755))
	}
	return root
}

func contains(t *testing.T, lines []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
		t.Errorf("no line contains %q in\n%s", want, strings.Join(lines, "\n"))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
