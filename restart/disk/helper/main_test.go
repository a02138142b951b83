package helper

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"purser/restart/disk"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would hold up every exit for a second
	if Wanted(os.Args) {
		os.Exit(Run(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// alice owns an app, and mallory owns what is none of hers.
const alice, mallory = 12345, 12346

// A house is a folder of alice's with an app in it, and a helper of hers.
type house struct {
	testing.TB
	*Helpers
	dir  string
	disk disk.Disk
	log  bytes.Buffer

	mu      sync.Mutex
	started []*exec.Cmd
	work    sync.WaitGroup
}

func newHouse(t testing.TB, change ...func(*Grants)) *house {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may start a process of another user")
	}
	dir, err := os.MkdirTemp("", "house")
	h := &house{TB: t, dir: dir}
	h.must(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	h.must(os.Chmod(dir, 0o755))
	h.own(alice, "app/tmp/", "app/public/", "app/log/")
	h.must(os.Chmod(h.path("app"), 0o700)) // closed to all others
	h.Helpers = New(h.start, hclog.New(&hclog.LoggerOptions{Output: &h.log}))
	grants := Grants{Roots: []string{h.path("app")}, Logs: []string{h.path("app/log/app.log")}, Statics: []string{"public"}}
	for _, c := range change {
		c(&grants)
	}
	h.disk = h.Disk("blog", User{UID: alice, GID: alice}, grants)
	t.Cleanup(func() {
		h.Close()
		h.work.Wait()
	})
	return h
}

type started struct{ cmd *exec.Cmd }

func (s started) Kill() { _ = s.cmd.Process.Kill() }

func (h *house) start(u User, args []string, socket *os.File) (Process, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Stdin, cmd.Dir, cmd.Env = args, socket, "/", []string{"GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started = append(h.started, cmd)
	h.work.Go(func() { _ = cmd.Wait() })
	return started{cmd}, nil
}

// last is the helper that was started last, and how many there were.
func (h *house) last() (pid, count int) {
	h.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.started) == 0 {
		h.Fatal("no helper was started")
	}
	return h.started[len(h.started)-1].Process.Pid, len(h.started)
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// own makes files with their names as text, or folders, as whose names end so, and gives them to a user.
func (h *house) own(uid int, names ...string) {
	h.Helper()
	for _, name := range names {
		h.must(os.MkdirAll(filepath.Dir(h.path(name+"x")), 0o755))
		if !strings.HasSuffix(name, "/") {
			h.must(os.WriteFile(h.path(name), []byte(name), 0o600))
		}
		for at := strings.TrimSuffix(name, "/"); at != "."; at = filepath.Dir(at) {
			h.must(os.Lchown(h.path(at), uid, uid))
		}
	}
}

// link makes a link of alice's.
func (h *house) link(target, name string) {
	h.Helper()
	h.must(os.RemoveAll(h.path(name)))
	h.must(os.Symlink(target, h.path(name)))
	h.must(os.Lchown(h.path(name), alice, alice))
}

func (h *house) ownerOf(name string) uint32 {
	h.Helper()
	stat, err := os.Lstat(h.path(name))
	h.must(err)
	return stat.Sys().(*syscall.Stat_t).Uid
}

// eventually waits for what takes its time.
func (h *house) eventually(what string, is func() bool) {
	h.Helper()
	for limit := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			h.Fatalf("not so: %s\n%s", what, &h.log)
		}
	}
}
