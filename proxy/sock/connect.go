package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Connect opens a connection to a "unix" or "tcp" address. It waits as long as limit and ctx allow.
func Connect(ctx context.Context, network, address string, limit time.Duration, sweeper *Sweeper) (*Socket, error) {
	if network != "unix" {
		c, err := (&net.Dialer{Timeout: limit}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return New(c, sweeper)
	}
	f, err := connectUnix(address)
	if errors.Is(err, unix.EAGAIN) {
		f, err = keepConnecting(ctx, address, limit)
	}
	if err != nil {
		return nil, err
	}
	return New(f, sweeper)
}

// keepConnecting tries until there is room. A full backlog of a unix socket is "try again", and the kernel
// tells nobody when.
func keepConnecting(ctx context.Context, address string, limit time.Duration) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("its backlog is full: %w", ctx.Err())
		case <-time.After(pause):
		}
		if f, err := connectUnix(address); !errors.Is(err, unix.EAGAIN) {
			return f, err
		}
	}
}

// connectUnix connects by hand: a connect to a unix socket never waits, so all that net.Dialer does to
// be able to give up costs more than the call itself.
func connectUnix(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
