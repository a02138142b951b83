package harness

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx starts nginx, whose files are in a folder, and returns its address. DIR and ADDR in the configuration stand
// for both.
func Nginx(t *testing.T, dir, config string) (addr string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("this test needs nginx: apt install nginx-light")
	}
	addr = FreeAddr()
	config = strings.NewReplacer("DIR", dir, "ADDR", addr).Replace(config)
	if os.Geteuid() == 0 {
		config = "user root;\n" + config
	}
	WriteFile(t, dir, "nginx.conf", config)
	said := filepath.Join(dir, "nginx.err")
	running, err := StartProgram(exec.Command(program, "-e", said, "-c", filepath.Join(dir, "nginx.conf")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = running.Stop(Patience)
		if t.Failed() {
			text, _ := os.ReadFile(said)
			t.Logf("nginx said:\n%s%s", running.Log.String(), text)
		}
	})
	Eventually(t, Patience, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return addr
}
