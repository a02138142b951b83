package serve

import (
	"fmt"
	"net"

	"purser/conf"
	"purser/status"
)

// openListener opens one of some places.
func openListener(place conf.Listen, all []conf.Listen, passed map[string][]net.Listener) ([]net.Listener, error) {
	switch place.Network {
	case "systemd":
		return takeOver(place.Address, passed)
	case "unix":
		return listenUnix(place.Address)
	}
	return listenTCP(place, all)
}

func (p *purser) openAdmin() (net.Listener, error) {
	if p.Conf.Server.Admin == "" {
		listener, err := status.Listen(status.RuntimeDir(), p.Name)
		return listener, refusal(err)
	}
	listeners, err := listenTCP(conf.Listen{Network: "tcp", Address: p.Conf.Server.Admin}, nil)
	if err != nil {
		return nil, refusal(fmt.Errorf("the admin API: %w", err))
	}
	return listeners[0], nil
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
