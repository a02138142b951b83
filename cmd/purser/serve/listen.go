package serve

import (
	"fmt"
	"net"

	"purser/conf"
)

// sockets are where doors come from that are not opened anew.
type sockets struct {
	passed map[string][]net.Listener // systemd's, by their names
	held   *holdings
}

// open opens one of some places, or takes over what the front before had there.
func (s sockets) open(place conf.Listen, all []conf.Listen) ([]net.Listener, error) {
	name := doorName(place)
	switch place.Network {
	case "systemd":
		return takeOver(place.Address, s.passed)
	case "unix":
		return s.openUnix(name, place.Address)
	}
	l, err := s.openTCP(name, place, all)
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

// doorName is what the socket of a place is held by.
func doorName(place conf.Listen) string { return "door/" + place.Network + "/" + place.Address }

func (p *purser) openAdmin() (net.Listener, error) {
	if p.Conf.Server.Admin == "" {
		return p.sockets.openAdmin(p.Name)
	}
	l, err := p.sockets.openTCP("admin/"+p.Conf.Server.Admin, conf.Listen{Network: "tcp", Address: p.Conf.Server.Admin}, nil)
	if err != nil {
		return nil, refusal(fmt.Errorf("the admin API: %w", err))
	}
	return l, nil
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
