package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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

// listenTCP opens one of some places.
func listenTCP(place conf.Listen, all []conf.Listen) (net.Listener, error) {
	// Multipath TCP, the default since Go 1.24, costs each connection a detour through the kernel.
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	listener, err := c.Listen(context.Background(), family(place, all), place.Address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		if other := samePort(place, all); other != "" {
			return nil, fmt.Errorf("cannot listen on %s: the port is in use, and %s is to have it, too; what listens on all addresses leaves none for others", place.Address, other)
		}
		return nil, fmt.Errorf("cannot listen on %s: the port is in use; stop who has it, or choose another with --listen", place.Address)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: a port below 1024 needs root, CAP_NET_BIND_SERVICE or a socket of systemd (purser help tls); or choose another with --listen", place.Address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", place.Address, err)
	}
	return listener, nil
}

// family is what a place takes: "0.0.0.0" is IPv4 alone, though not to package net. "[::]" is IPv6 and IPv4 as
// with an empty host, but IPv6 alone beside a place that takes IPv4 on its port.
func family(place conf.Listen, all []conf.Listen) string {
	host, port, _ := net.SplitHostPort(place.Address)
	switch {
	case host == "0.0.0.0":
		return "tcp4"
	case host != "::":
		return "tcp"
	}
	for _, other := range all {
		otherHost, otherPort, _ := net.SplitHostPort(other.Address)
		if addr, err := netip.ParseAddr(otherHost); other.Network == "tcp" && otherPort == port && err == nil && addr.Unmap().Is4() {
			return "tcp6"
		}
	}
	return "tcp"
}

// samePort is another place with the port of one, if either is on all addresses, or "".
func samePort(place conf.Listen, all []conf.Listen) string {
	host, port, _ := net.SplitHostPort(place.Address)
	for _, other := range all {
		otherHost, otherPort, _ := net.SplitHostPort(other.Address)
		if other.Network == "tcp" && other.Address != place.Address && otherPort == port && (everywhere(host) || everywhere(otherHost)) {
			return other.Address
		}
	}
	return ""
}

func everywhere(host string) bool { return host == "" || host == "::" || host == "0.0.0.0" }
