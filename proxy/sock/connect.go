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

// Connect opens a connection to a "unix" or "tcp" address, waiting as long as ctx allows.
func Connect(ctx context.Context, network, address string, sweeper *Sweeper) (*Socket, error) {
	if network != "unix" {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return New(c, sweeper)
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		f, err := connectUnix(address)
		if err == nil {
			return New(f, sweeper)
		}
		// A full backlog of a unix socket is "try again", and the kernel tells nobody when.
		if !errors.Is(err, unix.EAGAIN) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("its backlog is full: %w", ctx.Err())
		case <-time.After(pause):
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
