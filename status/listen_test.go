package status

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTheSocketIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(socketFolder(t), "purser")
	ln, err := Listen(dir, "blog")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "blog.sock"): 0o600} {
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, stat.Mode().Perm(), want)
		}
	}
}

func TestTheSocketOfADeadPurserIsReplaced(t *testing.T) {
	dir := socketFolder(t)
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "blog.sock")})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false) // as if it had been killed
	old.Close()
	if live := Running(dir); len(live) != 0 {
		t.Errorf("%v is taken for alive", live)
	}
	ln, err := Listen(dir, "blog")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

func TestTheSocketOfALivePurserIsLeftAlone(t *testing.T) {
	dir := socketFolder(t)
	ln, err := Listen(dir, "blog")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := Listen(dir, "blog"); err == nil || !strings.Contains(err.Error(), `"blog" is already running`) {
		t.Errorf("the error is %v", err)
	}
	if live := Running(dir); !slices.Equal(live, []string{filepath.Join(dir, "blog.sock")}) {
		t.Errorf("%v is alive", live)
	}
}

func TestAFolderThatOthersMayEnterIsRefused(t *testing.T) {
	dir := socketFolder(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dir, "blog"); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("the error is %v", err)
	}
}

func TestALinkIsNoRuntimeFolder(t *testing.T) {
	dir := socketFolder(t)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(socketFolder(t), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(link, "blog"); err == nil || !strings.Contains(err.Error(), "it is no folder") {
		t.Errorf("the error is %v", err)
	}
}

func TestUsageIsThatOfTheProcessGroup(t *testing.T) {
	own := measure()[syscall.Getpgrp()]
	if own.memory < 1<<20 || own.cpu < 0 {
		t.Errorf("this process group uses %d bytes and %v seconds", own.memory, own.cpu)
	}
}
