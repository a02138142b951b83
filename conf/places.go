package conf

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
)

// Family is what of TCP a place takes, which is one of some places: "0.0.0.0" is IPv4 alone, though not to package
// net. "[::]" is IPv6 and IPv4 as with an empty host, but IPv6 alone beside a place that takes IPv4 on its port.
func (l Listen) Family(all []Listen) string {
	host, port := l.hostPort()
	switch {
	case host == "0.0.0.0":
		return "tcp4"
	case host != "::":
		return "tcp"
	}
	for _, other := range all {
		otherHost, otherPort := other.hostPort()
		if addr, known := addressOf(otherHost); other.Network == "tcp" && otherPort == port && known && addr.Is4() {
			return "tcp6"
		}
	}
	return "tcp"
}

func (l Listen) hostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(l.Address)
	return strings.ToLower(host), port
}

// addressOf is the address of a host, if it is known without the DNS.
func addressOf(host string) (addr netip.Addr, known bool) {
	if host == "localhost" { // package net prefers IPv4
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap(), err == nil
}

// Clashes reports whether two of some places cannot both be had, whatever is spoken there.
func (l Listen) Clashes(other Listen, all []Listen) bool {
	if l.Network != other.Network {
		return false
	}
	if l.Network == "unix" {
		return filepath.Clean(l.Address) == filepath.Clean(other.Address)
	}
	host, port := l.hostPort()
	otherHost, otherPort := other.hostPort()
	switch {
	case l.Network != "tcp":
		return l.Address == other.Address
	case port != otherPort || port == anyPort || port == "":
		return false
	case host == otherHost:
		return true
	}
	addr, known := addressOf(host)
	otherAddr, otherKnown := addressOf(otherHost)
	return known && otherKnown && addr == otherAddr || l.covers(otherHost, all) || other.covers(host, all)
}

// covers reports whether a place is on all addresses of the kind that a host is of.
func (l Listen) covers(host string, all []Listen) bool {
	if own, _ := l.hostPort(); own != "" && own != "::" && own != "0.0.0.0" {
		return false
	}
	family := l.Family(all)
	addr, known := addressOf(host)
	return family == "tcp" || known && addr.Is4() == (family == "tcp4")
}

// anyPort is one that is another each time.
const anyPort = "0"

// checkPlaces refuses places of which only one can be had.
func (s *Server) checkPlaces(t table) {
	for i, l := range s.Listen {
		for _, before := range s.Listen[:i] {
			switch {
			case l == before:
				t.in("listen").refuse("has %s twice", described(l.String()))
			case !l.Clashes(before, s.Listen):
			case l.Address == before.Address:
				t.in("listen").refuse("has %s both for http and for https; give one of them another place", described(Listen{l.Network, l.Address, false}.String()))
			default:
				t.in("listen").refuse("has %s and %s, and only one of them can be had; give one another place, or leave it out", described(before.String()), described(l.String()))
			}
		}
	}
	s.checkOwnPlace(t, "admin", s.Admin)
	s.checkOwnPlace(t, "metrics", s.Metrics)
	t.require(!tcpPlace(s.Admin).Clashes(tcpPlace(s.Metrics), nil), "metrics", "is %s, and admin is %s: only one of them can be had; give one another port", described(s.Metrics), described(s.Admin))
}

// checkOwnPlace refuses a place of ours where requests come in, too.
func (s *Server) checkOwnPlace(t table, key, address string) {
	for _, l := range s.Listen {
		t.require(!l.Clashes(tcpPlace(address), s.Listen), key, "is %s, and listen has %s: only one of them can be had; give one another port", described(address), described(l.String()))
	}
}

func tcpPlace(address string) Listen { return Listen{Network: "tcp", Address: address} }
