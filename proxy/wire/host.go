package wire

import (
	"bytes"
	"net/netip"
)

// ParseHost checks a host with an optional port (RFC 9110 section 7.2, RFC 3986 section 3.2.2): a
// registered name of letters, digits, "-", "." and "_", or an address in brackets. The port may be empty
// (section 3.2.3: port = *DIGIT).
func ParseHost(b []byte) (port []byte, ok bool) {
	if len(b) == 0 || len(b) > 255+6 {
		return nil, false
	}
	if b[0] == '[' {
		name, port := splitHost(b)
		_, ok := parseBracketed(name)
		return port, ok && (len(port) == 0 || IsPort(port))
	}
	for i, c := range b {
		switch {
		case is(c, classHost):
		case c == ':' && i > 0:
			port = b[i+1:]
			return port, len(port) == 0 || IsPort(port)
		default:
			return nil, false
		}
	}
	return nil, true
}

// splitHost splits "host:port". Port is nil if there is none. The colons of an address in brackets do
// not count.
func splitHost(b []byte) (name, port []byte) {
	colon := bytes.LastIndexByte(b, ':')
	if colon < 0 || colon < bytes.LastIndexByte(b, ']') {
		return b, nil
	}
	return b[:colon], b[colon+1:]
}

// IsPort reports whether b is the number of a port.
func IsPort(b []byte) bool {
	n, ok := parseLength(b)
	return ok && len(b) <= 5 && n <= 65535
}

// parseBracketed parses an IPv6 address in brackets. A zone means nothing to others.
func parseBracketed(b []byte) (netip.Addr, bool) {
	if len(b) < len("[::]") || b[len(b)-1] != ']' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(string(b[1 : len(b)-1]))
	return a, err == nil && a.Is6() && a.Zone() == ""
}

// ForwardedAddr parses one element of X-Forwarded-For: an address, which some proxies write with a port
// (1.2.3.4:5678, [::1]:443) or in brackets alone. Whatever else stands there is no address, nor is one with
// a zone: it means nothing to others, and may hold any byte.
func ForwardedAddr(text []byte) (netip.Addr, bool) {
	host, port := trim(text), []byte(nil)
	bracketed := len(host) > 0 && host[0] == '['
	if bracketed || bytes.Count(host, []byte(":")) == 1 { // otherwise its colons are those of an IPv6 address
		host, port = splitHost(host)
	}
	if port != nil && !IsPort(port) || len(host) > len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]") {
		return netip.Addr{}, false
	}
	if bracketed {
		a, ok := parseBracketed(host)
		return a.Unmap(), ok
	}
	a, err := netip.ParseAddr(string(host))
	return a.Unmap(), err == nil && a.Zone() == ""
}

// NormalHost appends the form of a host that routing compares: lower-case, without port and without
// a trailing dot.
func NormalHost(dst, host []byte) []byte {
	name, _ := splitHost(host)
	name = bytes.TrimSuffix(name, []byte("."))
	for _, c := range name {
		if is(c, classUpper) {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
