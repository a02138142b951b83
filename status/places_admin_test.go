package status

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThePurserOfRootIsFoundByWhoMayNotListItsFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may become another")
	}
	dir, err := os.MkdirTemp("/tmp", "pp")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "purser.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for path, mode := range map[string]os.FileMode{dir: 0o711, path: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	found := make(chan []string)
	go func() {
		runtime.LockOSThread() // for good: this thread is another user's from here on
		_, _, _ = unix.RawSyscall(unix.SYS_SETRESUID, 12345, 12345, 12345)
		found <- Running(dir)
	}()
	if got := <-found; !slices.Equal(got, []string{path}) {
		t.Errorf("it finds %q, want %q", got, path)
	}
}
