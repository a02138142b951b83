package client

import "net/netip"

// A trust is whose X-Forwarded-* are believed.
type trust struct {
	peers []netip.Prefix
	unix  bool // so are those of all peers on unix sockets

	headers     []netip.Prefix // of peers that send headers of the PROXY protocol
	unixHeaders bool           // so do all peers on unix sockets
}

// Trust has other peers be believed from their next request on. Which send headers of the PROXY protocol holds for
// connections that are accepted from now on. It is as Config has them.
func (s *Conns) Trust(peers []netip.Prefix, unix bool, headers []netip.Prefix, unixHeaders bool) {
	s.trusted.Store(&trust{peers, unix, headers, unixHeaders})
}

// Trusts reports whether the X-Forwarded-* of a peer with that address are believed.
func (s *Conns) Trusts(a netip.Addr) bool { return among(s.trusted.Load().peers, a) }

// judged returns a peer as it is to be seen now: who is believed may have changed since its last request.
func (s *Conns) judged(p *Peer) *Peer {
	now := s.trusted.Load()
	if p.judged == now {
		return p
	}
	p.judged = now
	switch {
	case p.unnamed:
		p.Trusted = false
	case p.Addr.IsValid():
		p.Trusted = among(now.peers, p.Addr)
	default:
		p.Trusted = now.unix
	}
	return p
}

func among(all []netip.Prefix, a netip.Addr) bool {
	for _, p := range all {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
