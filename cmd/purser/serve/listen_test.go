package serve

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAUnixSocketIsForOwnerAndGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listeners, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(path)
	if err != nil || stat.Mode().Perm() != 0o660 {
		t.Errorf("the socket's mode is %v (%v), want 0660", stat.Mode(), err)
	}
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "another program answers there") {
		t.Errorf("a second listener got %v", err)
	}
	listeners[0].(*unixListener).Listener.Close() // as if purser had been killed
	again, err := listenUnix(path)
	if err != nil {
		t.Fatalf("the stale socket is in the way: %v", err)
	}
	closeAll(again)
}

func TestASocketOfSomebodyElseIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // as an operator does who believes that nobody has it
		t.Fatal(err)
	}
	second, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	closeAll(first)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second cannot be reached any more: %v", err)
	}
	conn.Close()
	closeAll(second)
	closeAll(second)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket was left: %v", err)
	}
}
