package client

import "net/netip"

// Block returns the addresses that one client may have: of IPv6 its /64, of which each has all (RFC 6177 section 2), and
// of IPv4 the one. They are the same for all who have none.
func Block(a netip.Addr) (block [16]byte) {
	if !a.IsValid() {
		return block
	}
	block = a.As16()
	if !a.Unmap().Is4() {
		clear(block[8:])
	}
	return block
}
