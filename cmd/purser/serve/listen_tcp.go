package serve

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"purser/conf"
)

// An inUse is EADDRINUSE, with what to do.
type inUse struct{ address string }

func (e *inUse) Error() string {
	return "cannot listen on " + e.address + ": the port is in use; stop who has it, or choose another with --listen"
}

func (e *inUse) Unwrap() error { return unix.EADDRINUSE }

// listenTCP opens one of some places.
func listenTCP(place conf.Listen, all []conf.Listen) ([]net.Listener, error) {
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
	return []net.Listener{listener}, nil
}
