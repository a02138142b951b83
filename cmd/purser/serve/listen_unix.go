package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purser/status"
)

// openUnix opens a unix socket that its owner and group may connect to (0660), or takes over what is held by that
// name. The file of a purser that died is replaced; a file that is no socket, or that somebody answers on, is not.
func (s sockets) openUnix(name, path string) ([]net.Listener, error) {
	opened, inherited, err := s.held.listener(name)
	if !inherited && err == nil {
		opened, err = listenUnix(path)
	}
	if err == nil && !inherited {
		err = s.held.holdListener(name, opened)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	return []net.Listener{newUnixListener(opened, path, s.held, name)}, nil
}

func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s; make it", filepath.Dir(path))
	}
	if err != nil {
		return nil, err
	}
	if err := allowGroup(path); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// allowGroup lets the group connect to a socket that was opened just now. Who the folder belongs to may have put a link
// in its place meanwhile, or another name of a file of root's: that is left alone.
func allowGroup(path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK || int(stat.Uid) != os.Geteuid() || stat.Nlink != 1 {
		return errors.New("somebody has put something else in the place of the socket; choose a folder into which only purser's user may write")
	}
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o660)
}

// adminName is what the admin socket is held by.
func adminName(name string) string { return "admin/unix/" + name }

// openAdmin opens the admin socket of a purser, or takes it over.
func (s sockets) openAdmin(name string) (net.Listener, error) {
	held := adminName(name)
	opened, inherited, err := s.held.listener(held)
	if !inherited && err == nil {
		opened, err = status.Listen(status.RuntimeDir(), name)
	}
	if err == nil && !inherited {
		err = s.held.holdListener(held, opened)
	}
	if err != nil {
		return nil, refusal(err)
	}
	return newUnixListener(opened, opened.Addr().String(), s.held, held), nil
}

// A unixListener removes its socket when it is closed, but not one that somebody else has made since by the
// same name.
type unixListener struct {
	net.Listener
	share *share
	once  sync.Once
}

func newUnixListener(l net.Listener, path string, held *holdings, name string) *unixListener {
	if own, is := l.(*net.UnixListener); is {
		own.SetUnlinkOnClose(false)
	}
	own, err := os.Lstat(path)
	return &unixListener{Listener: l, share: held.share(name, func() {
		if now, gone := os.Lstat(path); err == nil && gone == nil && os.SameFile(now, own) {
			os.Remove(path)
		}
	})}
}

func (l *unixListener) Close() error {
	l.unlink()
	return l.Listener.Close()
}

// SetDeadline ends Accept then.
func (l *unixListener) SetDeadline(at time.Time) error {
	return l.Listener.(*net.UnixListener).SetDeadline(at)
}

// unlink removes the socket unless another listener has it, too.
func (l *unixListener) unlink() { l.once.Do(l.share.leave) }

func removeStale(path string) error {
	stat, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if stat.Mode().Type() != os.ModeSocket {
		return errors.New("there is a file of that name that is no socket; move it away")
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return errors.New("another program answers there; stop it, or choose another path")
	}
	return os.Remove(path)
}
