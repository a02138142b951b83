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
	listeners[0].(*net.UnixListener).SetUnlinkOnClose(false) // as if purser had been killed
	closeAll(listeners)
	again, err := listenUnix(path)
	if err != nil {
		t.Fatalf("the stale socket is in the way: %v", err)
	}
	closeAll(again)
}
