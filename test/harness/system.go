package harness

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Kill kills a process, which may be gone.
func Kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("cannot kill %d: %v", pid, err)
	}
}

// RunningBelow are the processes below pid that run the named program.
func RunningBelow(pid int, program string) []int {
	var found []int
	for _, p := range Descendants(pid) {
		if filepath.Base(Exe(p.PID)) == program {
			found = append(found, p.PID)
		}
	}
	return found
}

// MustBeRoot ends a test that needs more than a user may.
func MustBeRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes namespaces and mounts: run it as root")
	}
}

// WriteFile writes a file into a release, with its folders.
func WriteFile(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Symlink points the symlink at path to target in one step.
func Symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
