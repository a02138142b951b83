package wire

import (
	"bytes"
	"net/netip"
)

// validHost reports whether b is a host with an optional port (RFC 9110 section 7.2, RFC 3986
// section 3.2.2): a registered name of letters, digits, "-", "." and "_", or an address in brackets. The
// port may be empty (section 3.2.3: port = *DIGIT).
func validHost(b []byte) bool {
	name, port := splitHost(b)
	if len(name) == 0 || len(b) > 255+6 || len(port) > 0 && !validPort(port) {
		return false
	}
	if name[0] == '[' {
		return validBracketed(name)
	}
	for _, c := range name {
		if !is(c, classHost) {
			return false
		}
	}
	return true
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

func validPort(b []byte) bool {
	n, ok := parseLength(b)
	return ok && len(b) <= 5 && n <= 65535
}

// validBracketed reports whether b is an IPv6 address in brackets. A zone means nothing to others.
func validBracketed(b []byte) bool {
	if b[len(b)-1] != ']' {
		return false
	}
	a, err := netip.ParseAddr(string(b[1 : len(b)-1]))
	return err == nil && a.Is6() && a.Zone() == ""
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
