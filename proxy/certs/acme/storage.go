package acme

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/sys/unix"
)

// A storage is a folder. Its locks are those of the kernel, which end with the process that has them: certmagic's
// own are files that somebody has to touch every few seconds, and that are in the way after a crash.
type storage struct {
	*certmagic.FileStorage

	mu   sync.Mutex // guards held
	held map[string]*os.File
}

func newStorage(folder string) *storage {
	return &storage{FileStorage: &certmagic.FileStorage{Path: folder}, held: map[string]*os.File{}}
}

// askLock is how often it is looked whether a lock of another purser is free.
const askLock = 200 * time.Millisecond

// Lock waits until nobody else has the lock.
func (s *storage) Lock(ctx context.Context, name string) error {
	for {
		if got, err := s.TryLock(ctx, name); got || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askLock):
		}
	}
}

// TryLock reports whether it has got the lock.
func (s *storage) TryLock(_ context.Context, name string) (bool, error) {
	path := filepath.Join(s.Path, "locks", certmagic.StorageKeys.Safe(name)+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("cannot make a folder for locks: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, fmt.Errorf("cannot open a lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return false, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = f
	return true, nil
}

// Unlock gives a lock back. Its file stays: somebody may wait for it.
func (s *storage) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.held[name]
	if f == nil {
		return fmt.Errorf("nobody has the lock %s", name)
	}
	delete(s.held, name)
	return f.Close()
}
