package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Listen opens the admin socket of a purser called name in dir, which it makes if need be. A socket
// that nobody answers on is replaced; if another purser does, Listen refuses.
func Listen(dir, name string) (net.Listener, error) {
	if err := MakeRuntimeDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name+".sock")
	if answers(path) {
		return nil, fmt.Errorf("a purser named %q is already running (its admin socket %s answers); "+
			"stop it, or give this one another name with --instance NAME", name, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot replace the old admin socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the admin socket: %w", err)
	}
	// Until here the folder alone keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("cannot protect the admin socket: %w", err)
	}
	return listener, nil
}

// MakeRuntimeDir creates a runtime folder, unless it is there already. It has to be the caller's own, for
// in /tmp anybody may have made it, and closed to others. That of systemd (RuntimeDirectory=), which is made by
// root, and that of root, whose apps run as other users, may be entered by others: what is in it is closed.
func MakeRuntimeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot create the runtime folder: %w", err)
	}
	return CheckRuntimeDir(dir)
}

// CheckRuntimeDir says why a folder that is there is no runtime folder for MakeRuntimeDir.
func CheckRuntimeDir(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return fmt.Errorf("cannot look at the runtime folder %s: %w", dir, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("cannot use %s as the runtime folder: it is no folder; remove it", dir)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("cannot use %s as the runtime folder: it belongs to uid %d; remove it or set XDG_RUNTIME_DIR", dir, st.Uid)
	case st.Mode&0o077 != 0 && !((isSystemds(dir) || dir == systemDir) && st.Mode&0o022 == 0):
		return fmt.Errorf("cannot use %s as the runtime folder: others may enter it; run chmod 700 %s", dir, dir)
	}
	return nil
}

// SocketName is the name of the purser whose admin socket is at path.
func SocketName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), ".sock")
}

// answers reports whether somebody accepts connections on the unix socket at path.
func answers(path string) bool {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// uidKey is the context key of the peer's uid, an int; absent on TCP.
type uidKey struct{}

// withPeer notes in ctx who is at the other end of a unix connection, as the kernel knows it
// (SO_PEERCRED, see unix(7)). A peer that cannot be told is nobody: uid -1.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid := -1
	if raw, err := socket.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				uid = int(cred.Uid)
			}
		})
	}
	return context.WithValue(ctx, uidKey{}, uid)
}
