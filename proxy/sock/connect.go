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

// Anybody is who may listen on a unix socket that Connect connects to, if that is not one user.
const Anybody = -1

// Connect opens a connection to a "unix" or "tcp" address. It waits as long as limit and ctx allow. A unix socket has
// to be one that the user of number owner listens on, or Anybody: what is at the path is the matter of whom the folder
// belongs to, and may be a link to a socket that only purser may connect to.
func Connect(ctx context.Context, network, address string, owner int, limit time.Duration, sweeper *Sweeper) (*Socket, error) {
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
	if err == nil && owner != Anybody {
		err = checkListener(f, owner)
	}
	if err != nil {
		return nil, err
	}
	return New(f, sweeper)
}

// checkListener refuses a connection to somebody else, and closes it. The kernel tells who called listen(2) (unix(7),
// SO_PEERCRED).
func checkListener(f *os.File, owner int) error {
	raw, err := f.SyscallConn()
	if err == nil {
		var wrong error
		err = raw.Control(func(fd uintptr) {
			peer, failed := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
			if wrong = failed; failed == nil && int(peer.Uid) != owner {
				wrong = fmt.Errorf("uid %d listens there, not uid %d", peer.Uid, owner)
			}
		})
		err = errors.Join(err, wrong)
	}
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("cannot use the socket %s: %w", f.Name(), err)
	}
	return nil
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
