package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// unixPeers stands in a list of peers for whoever connects over a unix socket: such a peer has no address
// that could be listed.
const unixPeers = "unix:"

// peersAt is a key that lists peers. What is written in one list goes to two places: addresses to the
// prefixes, unixPeers to the truth value.
func peersAt(key string, places func(*Server) (prefixes *[]netip.Prefix, unix *bool)) field[Server] {
	return field[Server]{
		key: key,
		read: func(into *Server, value any) error {
			words, err := texts(value)
			if err != nil {
				return err
			}
			addresses := slices.DeleteFunc(slices.Clone(words), isUnixPeers)
			read, err := parseAll(addresses, parsePrefix)
			if err != nil {
				return err
			}
			prefixes, unix := places(into)
			*prefixes, *unix = read, len(addresses) < len(words)
			return nil
		},
		format: func(from *Server) string {
			prefixes, unix := places(from)
			var words []string
			for _, prefix := range *prefixes {
				words = append(words, prefix.String())
			}
			if *unix {
				words = append(words, unixPeers)
			}
			return quotedList(words)
		},
		copy: func(to, from *Server) {
			prefixes, unix := places(to)
			fromPrefixes, fromUnix := places(from)
			*prefixes, *unix = *fromPrefixes, *fromUnix
		},
	}
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
