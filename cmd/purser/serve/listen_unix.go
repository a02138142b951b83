package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// listenUnix opens a unix socket that its owner and group may connect to (0660). The file of a
// purser that died is replaced; a file that is no socket, or that somebody answers on, is not.
func listenUnix(path string) ([]net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	listener, err := net.Listen("unix", path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot listen on unix:%s: there is no folder %s; make it", path, filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	own, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, 0o660)
	}
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	return []net.Listener{&unixListener{Listener: listener, file: &socketFile{path: path, own: own, holders: 1}}}, nil
}

// A unixListener removes its socket when it is closed, but not one that somebody else has made since by the
// same name.
type unixListener struct {
	net.Listener
	file *socketFile
	once sync.Once
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
func (l *unixListener) unlink() { l.once.Do(l.file.leave) }

// A socketFile is the file of a socket. It goes with the last listener that has it.
type socketFile struct {
	path string
	own  os.FileInfo

	mu      sync.Mutex // guards holders
	holders int
}

func (f *socketFile) join() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holders++
}

func (f *socketFile) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holders--; f.holders > 0 {
		return
	}
	if now, err := os.Lstat(f.path); err == nil && os.SameFile(now, f.own) {
		os.Remove(f.path)
	}
}

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
