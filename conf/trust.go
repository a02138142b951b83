package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// unixPeers stands among trusted_proxies for whoever connects over a unix socket: such a peer has
// no address that could be listed.
const unixPeers = "unix:"

// trustedProxies is the key trusted_proxies. What is written in one list goes to two places:
// addresses to TrustedProxies, unixPeers to TrustUnix.
var trustedProxies = field[Server]{
	key: "trusted_proxies",
	read: func(into *Server, value any) error {
		words, err := texts(value)
		if err != nil {
			return err
		}
		addresses := slices.DeleteFunc(slices.Clone(words), isUnixPeers)
		prefixes, err := parseAll(addresses, parsePrefix)
		if err != nil {
			return err
		}
		into.TrustedProxies, into.TrustUnix = prefixes, len(addresses) < len(words)
		return nil
	},
	format: func(from *Server) string {
		var words []string
		for _, prefix := range from.TrustedProxies {
			words = append(words, prefix.String())
		}
		if from.TrustUnix {
			words = append(words, unixPeers)
		}
		return quotedList(words)
	},
	copy: func(to, from *Server) { to.TrustedProxies, to.TrustUnix = from.TrustedProxies, from.TrustUnix },
}

func isUnixPeers(word string) bool { return word == unixPeers }

// parsePrefix reads a CIDR or a single address. Bits beyond the mask are cleared.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.HasPrefix(s, "unix") {
		return netip.Prefix{}, fmt.Errorf(`must have "unix:" without a path, which means every unix socket, not %s`, described(s))
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf(`must be addresses or CIDRs such as "10.0.0.0/8", or "unix:", not %s`, described(s))
	}
	return prefix.Masked(), nil
}
