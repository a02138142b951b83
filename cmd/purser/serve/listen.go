package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"purser/conf"
	"purser/status"
)

// openListeners opens every place where requests come in, or none.
func openListeners(places []conf.Listen) ([]net.Listener, error) {
	passed, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("cannot take over the sockets of systemd: %w", err)
	}
	var opened []net.Listener
	for _, place := range places {
		more, err := openListener(place, passed)
		if err != nil {
			closeAll(opened)
			return nil, refusal(err)
		}
		for _, listener := range more {
			if place.TLS {
				listener = httpsListener{listener}
			}
			opened = append(opened, listener)
		}
	}
	return opened, nil
}

func openListener(place conf.Listen, passed map[string][]net.Listener) ([]net.Listener, error) {
	switch place.Network {
	case "systemd":
		return takeOver(place.Address, passed)
	case "unix":
		return listenUnix(place.Address)
	}
	// Multipath TCP, the default since Go 1.24, costs each connection a detour through the kernel.
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	listener, err := c.Listen(context.Background(), "tcp", place.Address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("cannot listen on %s: the port is in use; stop who has it, or choose another with --listen", place.Address)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: a port below 1024 needs root, CAP_NET_BIND_SERVICE or a socket of systemd (purser help tls); or choose another with --listen", place.Address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", place.Address, err)
	}
	return []net.Listener{listener}, nil
}

// openMetrics opens where anybody may read metrics, if that is wanted.
func (p *purser) openMetrics() ([]net.Listener, error) {
	if p.Conf.Server.Metrics == "" {
		return nil, nil
	}
	listeners, err := openListener(conf.Listen{Network: "tcp", Address: p.Conf.Server.Metrics}, nil)
	if err != nil {
		return nil, refusal(fmt.Errorf("the metrics: %w", err))
	}
	return listeners, nil
}

func (p *purser) openAdmin() (net.Listener, error) {
	if p.Conf.Server.Admin == "" {
		listener, err := status.Listen(status.RuntimeDir(), p.Name)
		return listener, refusal(err)
	}
	listeners, err := openListener(conf.Listen{Network: "tcp", Address: p.Conf.Server.Admin}, nil)
	if err != nil {
		return nil, refusal(fmt.Errorf("the admin API: %w", err))
	}
	return listeners[0], nil
}

// takeOver returns the sockets that systemd opened for us under a name (FileDescriptorName=, else
// the name of the socket unit). A unit may have several ListenStream= lines, and so sockets.
func takeOver(name string, passed map[string][]net.Listener) ([]net.Listener, error) {
	listeners := passed[name]
	if len(listeners) == 0 {
		names := "none at all"
		if len(passed) > 0 {
			names = strings.Join(slices.Sorted(maps.Keys(passed)), ", ")
		}
		return nil, fmt.Errorf("cannot listen on systemd:%s: systemd passed no socket of that name, but %s; start purser by its socket unit", name, names)
	}
	return listeners, nil
}

// listenUnix opens a unix socket that its owner and group may connect to (0660). The file of a
// purser that died is replaced; a file that is no socket, or that somebody answers on, is not.
func listenUnix(path string) ([]net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("cannot listen on unix:%s: %w", path, err)
	}
	listener, err := net.Listen("unix", path)
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
	return []net.Listener{&unixListener{Listener: listener, path: path, own: own}}, nil
}

// A unixListener removes its socket when it is closed, but not one that somebody else has made since by the
// same name.
type unixListener struct {
	net.Listener
	path   string
	own    os.FileInfo
	remove sync.Once
}

func (l *unixListener) Close() error {
	l.remove.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.own) {
			os.Remove(l.path)
		}
	})
	return l.Listener.Close()
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

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// addresses are the listeners' addresses for people; of a TCP port 0, the one that was taken.
func addresses(listeners []net.Listener) []string {
	var out []string
	for _, l := range listeners {
		address := l.Addr().String()
		if l.Addr().Network() == "unix" {
			address = "unix:" + address
		}
		if _, secure := l.(httpsListener); secure {
			address = "https://" + address
		}
		out = append(out, address)
	}
	return out
}
