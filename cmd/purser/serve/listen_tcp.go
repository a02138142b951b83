package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// A tcpListener is dropped by the keeper when it is closed.
type tcpListener struct {
	*net.TCPListener
	share *share
	once  sync.Once
}

func (l *tcpListener) Close() error {
	l.once.Do(l.share.leave)
	return l.TCPListener.Close()
}

// openTCP opens one of some places, or takes over what is held by that name.
func (s sockets) openTCP(name string, place conf.Listen, all []conf.Listen) (net.Listener, error) {
	opened, inherited, err := s.held.listener(name)
	if !inherited && err == nil {
		opened, err = listenTCP(place, all)
	}
	if err == nil && !inherited {
		err = s.held.holdListener(name, opened)
	}
	if err != nil {
		return nil, err
	}
	tcp, is := opened.(*net.TCPListener)
	if !is {
		return nil, fmt.Errorf("cannot listen on %s: what the front before has left is no TCP socket", place.Address)
	}
	return &tcpListener{TCPListener: tcp, share: s.held.share(name, nil)}, nil
}

// An inUse is EADDRINUSE, with what to do.
type inUse struct{ address string }

func (e *inUse) Error() string {
	return "cannot listen on " + e.address + ": the port is in use; stop who has it, or choose another with --listen"
}

func (e *inUse) Unwrap() error { return unix.EADDRINUSE }

// listenTCP opens one of some places.
func listenTCP(place conf.Listen, all []conf.Listen) (net.Listener, error) {
	// Multipath TCP, the default since Go 1.24, costs each connection a detour through the kernel.
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	listener, err := c.Listen(context.Background(), place.Family(all), place.Address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, &inUse{place.Address}
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: a port below 1024 needs root, CAP_NET_BIND_SERVICE or a socket of systemd (purser help tls); or choose another with --listen", place.Address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", place.Address, err)
	}
	return listener, nil
}
