package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSystemdIsToldHowThingsAre(t *testing.T) {
	l := newLand(t)
	address := net.UnixAddr{Net: "unixgram", Name: filepath.Join(l.dir, "notify")}
	systemd, err := net.ListenUnixgram("unixgram", &address)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	cmd := l.command("demo", "--listen", "127.0.0.1:0", "--instance", l.name)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+address.Name)
	demo := l.launch(cmd)
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		if got := receive(t, systemd); !strings.HasPrefix(got, want+"\nSTATUS=") {
			t.Errorf("systemd was told %q, want %s", got, want)
		}
		demo.cmd.Process.Signal(syscall.SIGTERM)
	}
}

func TestSocketsOfSystemdAreTakenOver(t *testing.T) {
	l := newLand(t)
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	file, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l.serveWithSocket(file, "systemd:web")
	eventually(t, "purser answers on it", func() bool {
		conn, err := net.DialTimeout("tcp", opened.Addr().String(), time.Second)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = os.Stat(l.socket())
		return err == nil
	})
	if got := l.address(); got != opened.Addr().String() {
		t.Errorf("it serves on %s, want %s", got, opened.Addr())
	}
}

func TestASocketThatSystemdDoesNotHaveIsMissed(t *testing.T) {
	l := newLand(t)
	l.purser("demo", "--listen", "systemd:web", "--instance", l.name).wants(t, exitUsage, "systemd passed no socket of that name")
}

// serveWithSocket starts the demo with one socket called web, as systemd does (sd_listen_fds(3)).
func (l *land) serveWithSocket(file *os.File, listen string) {
	l.t.Helper()
	cmd := l.command()
	script := []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path, "demo", "--listen", listen, "--instance", l.name}
	path, err := exec.LookPath("sh")
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Path, cmd.Args, cmd.ExtraFiles = path, script, []*os.File{file}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
	l.launch(cmd)
}

func receive(t *testing.T, from *net.UnixConn) string {
	t.Helper()
	if err := from.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := from.Read(buf)
	if err != nil {
		t.Fatalf("systemd was told nothing: %v", err)
	}
	return string(buf[:n])
}
