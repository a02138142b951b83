package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemdIsToldHowThingsAre(t *testing.T) {
	l := newLand(t)
	systemd := l.systemd()
	demo := l.launch(l.commandBelow(systemd, ""))
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		if got := receive(t, systemd); !strings.HasPrefix(got, want+"\nSTATUS=") {
			t.Errorf("systemd was told %q, want %s", got, want)
		}
		demo.cmd.Process.Signal(syscall.SIGTERM)
	}
}

// MONOTONIC_USEC is when it began, by the clock that systemd looks at (sd_notify(3)).
func TestSystemdIsToldOfAReloadAndOfItsEnd(t *testing.T) {
	l := newLand(t)
	systemd := l.systemd()
	demo := l.launch(l.commandBelow(systemd, ""))
	receiveUntil(t, systemd, "READY=1")
	for range 2 {
		demo.cmd.Process.Signal(syscall.SIGHUP)
		var at, now int64
		if got := receive(t, systemd); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
			t.Errorf("systemd was told %q", got)
		} else if _, err := fmt.Sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%d\n", &at); err != nil {
			t.Errorf("%v in %q", err, got)
		}
		var clock unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock); err != nil {
			t.Fatal(err)
		}
		if now = clock.Nano() / 1000; at > now || now-at > 20e6 {
			t.Errorf("it began at %d, and it is %d", at, now)
		}
		if got := receive(t, systemd); !strings.HasPrefix(got, "READY=1\nSTATUS=Serving 1 app") {
			t.Errorf("systemd was told %q", got)
		}
	}
}

func TestTheWatchdogOfSystemdIsFedUntilTheEnd(t *testing.T) {
	l := newLand(t)
	systemd := l.systemd()
	demo := l.launch(l.commandBelow(systemd, "export WATCHDOG_USEC=200000 WATCHDOG_PID=$$"))
	receiveUntil(t, systemd, "READY=1")
	for range 3 {
		if got := receive(t, systemd); got != "WATCHDOG=1" {
			t.Fatalf("systemd was told %q, want a sign of life", got)
		}
	}
	demo.cmd.Process.Signal(syscall.SIGTERM)
	for _, other := range receiveUntil(t, systemd, "STOPPING=1") {
		if other != "WATCHDOG=1" {
			t.Errorf("systemd was told %q", other)
		}
	}
}

func TestAWatchdogThatIsNotThereIsNotFed(t *testing.T) {
	for name, set := range map[string]string{
		"none":                  "",
		"that of another":       "export WATCHDOG_USEC=2000 WATCHDOG_PID=1",
		"one that is malformed": "export WATCHDOG_USEC=soon",
	} {
		t.Run(name, func(t *testing.T) {
			l := newLand(t)
			systemd := l.systemd()
			demo := l.launch(l.commandBelow(systemd, set))
			receiveUntil(t, systemd, "READY=1")
			if got := l.purser("status", "--instance", l.name); got.code != exitDone {
				t.Errorf("it does not serve: %s", got.stderr)
			}
			demo.cmd.Process.Signal(syscall.SIGTERM)
			if others := receiveUntil(t, systemd, "STOPPING=1"); len(others) > 0 {
				t.Errorf("systemd was told %q", others)
			}
		})
	}
}

func TestSocketsOfSystemdAreTakenOver(t *testing.T) {
	l := newLand(t)
	file, address := openSocket(t)
	l.serveWithSockets("web", []*os.File{file}, "--listen", "systemd:web")
	eventually(t, "purser answers on it", func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = os.Stat(l.socket())
		return err == nil
	})
	if got := l.address(); got != address {
		t.Errorf("it serves on %s, want %s", got, address)
	}
}

func TestASocketThatSystemdDoesNotHaveIsMissed(t *testing.T) {
	l := newLand(t)
	l.purser("demo", "--listen", "systemd:web", "--instance", l.name).wants(t, exitUsage, "systemd passed no socket of that name")
}

func TestSocketsOfSystemdAreToldApartByTheirNames(t *testing.T) {
	l := newLand(t)
	var files []*os.File
	var wants []string
	for range 3 {
		file, address := openSocket(t)
		files, wants = append(files, file), append(wants, address)
	}
	// Those of the name other are not asked for: two of web and none of other are served on.
	l.serveWithSockets("web:other:web", files, "--listen", "systemd:web")
	eventually(t, "purser runs", func() bool { return l.purser("health", "--instance", l.name).code == exitDone })
	got := l.purser("status", "--json", "--instance", l.name).stdout
	for i, address := range wants {
		if served := strings.Contains(got, address); served != (i != 1) {
			t.Errorf("it serves on socket %d: %v\n%s", i, served, got)
		}
	}
}

func TestSocketsForAnotherProcessAreNotTaken(t *testing.T) {
	l := newLand(t)
	cmd := l.command("demo", "--listen", "systemd:web", "--instance", l.name)
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "LISTEN_PID=1")
	l.end(cmd).wants(t, exitUsage, "systemd passed no socket of that name, but none at all")
}

// openSocket is a socket as systemd passes one, and its address.
func openSocket(t *testing.T) (*os.File, string) {
	t.Helper()
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	file, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, opened.Addr().String()
}

// serveWithSockets starts the demo with sockets of these names, as systemd does (sd_listen_fds(3)).
func (l *land) serveWithSockets(names string, files []*os.File, args ...string) {
	l.t.Helper()
	cmd := l.command()
	script := append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, cmd.Path, "demo", "--instance", l.name}, args...)
	path, err := exec.LookPath("sh")
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Path, cmd.Args, cmd.ExtraFiles = path, script, files
	cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+names)
	l.launch(cmd)
}

// systemd is a socket as the one of systemd that services notify.
func (l *land) systemd() *net.UnixConn {
	l.t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(l.dir, "notify")})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { socket.Close() })
	return socket
}

// commandBelow is the demo as systemd starts it, after a line of shell that sets variables.
func (l *land) commandBelow(systemd *net.UnixConn, set string) *exec.Cmd {
	l.t.Helper()
	cmd := l.command()
	path, err := exec.LookPath("sh")
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Args = []string{"sh", "-c", set + "\n" + `exec "$0" "$@"`, cmd.Path, "demo", "--listen", "127.0.0.1:0", "--instance", l.name}
	cmd.Path = path
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+systemd.LocalAddr().String())
	return cmd
}

// receiveUntil returns what comes before a message that begins with last.
func receiveUntil(t *testing.T, from *net.UnixConn, last string) (before []string) {
	t.Helper()
	for {
		got := receive(t, from)
		if strings.HasPrefix(got, last) {
			return before
		}
		before = append(before, got)
	}
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
