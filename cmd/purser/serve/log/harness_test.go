package log

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"purser/conf"
	"purser/spawn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// longWait is how long a test waits for what must come.
const longWait = 20 * time.Second

// A reader is who reads stderr.
type reader struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *reader) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// A stage is a log whose stderr is read at once.
type stage struct {
	*Log
	t      *testing.T
	stderr *reader
	closed bool
}

// newStage starts a log; change may change its configuration.
func newStage(t *testing.T, change func(*Config)) *stage {
	st := &stage{t: t, stderr: &reader{}}
	c := Config{Server: conf.Server{LogLevel: "info", LogFormat: "text", LogApps: "stderr", LogAppsFormat: "auto", LogKeep: 5, AccessLog: "off"}, Stderr: st.stderr}
	if change != nil {
		change(&c)
	}
	st.Log = New(c)
	t.Cleanup(st.close)
	return st
}

func (st *stage) close() {
	if !st.closed {
		st.closed = true
		st.Close()
	}
}

// access opens the access log.
func (st *stage) access() func(line []byte) {
	st.t.Helper()
	add, err := st.Access()
	if err != nil {
		st.t.Fatal(err)
	}
	return add
}

// app opens what the app named app prints to.
func (st *stage) app() spawn.Lines {
	st.t.Helper()
	lines, err := st.App(st.cfg.Apps[0])
	if err != nil {
		st.t.Fatal(err)
	}
	return lines
}

func (st *stage) await(what string, done func() bool) {
	st.t.Helper()
	for end := time.Now().Add(longWait); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			st.t.Fatalf("not yet: %s\n%s", what, st.stderr)
		}
	}
}

func (st *stage) says(text string) {
	st.t.Helper()
	st.await("stderr has "+text, func() bool { return strings.Contains(st.stderr.String(), text) })
}

// fileIs waits until a file has this content.
func (st *stage) fileIs(path, want string) {
	st.t.Helper()
	st.await(path+" is "+want, func() bool { return content(path) == want })
}

func content(path string) string {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// printed is a line of an app's.
func printed(text string) spawn.Line {
	return spawn.Line{App: "app", PID: 12, Generation: 3, Stream: "stdout", Raw: []byte(text), Text: text}
}

// withApp has an app of that name whose folder is root, and which prints to log.
func withApp(root, log string) func(*Config) {
	return func(c *Config) { c.Apps = []conf.App{{Name: "app", Root: root, Log: log}} }
}

// pipe is a pipe that nobody reads but the test.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	return read, write
}

func inFolder(t *testing.T, name string) string { return filepath.Join(t.TempDir(), name) }
