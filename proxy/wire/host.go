package wire

import "bytes"

// ValidHost reports whether b is a host with an optional port (RFC 9110 section 7.2, RFC 3986
// section 3.2.2): a registered name of letters, digits, "-", "." and "_", or an address in brackets.
func ValidHost(b []byte) bool {
	if len(b) == 0 || len(b) > 255+6 {
		return false
	}
	name, port := SplitHost(b)
	if port != nil && !validPort(port) {
		return false
	}
	if name == nil {
		return false
	}
	if name[0] == '[' {
		return validBracketed(name)
	}
	for _, c := range name {
		if !is(c, classToken) || bytes.IndexByte([]byte("!#$%&'*+^`|~"), c) >= 0 {
			return false
		}
	}
	return true
}

// SplitHost splits "host:port". Port is nil if there is no colon, name is nil if it is not a host.
func SplitHost(b []byte) (name, port []byte) {
	end := bytes.LastIndexByte(b, ':')
	if len(b) > 0 && b[0] == '[' {
		bracket := bytes.IndexByte(b, ']')
		if bracket < 0 {
			return nil, nil
		}
		if end < bracket {
			end = -1
		} else if end != bracket+1 {
			return nil, nil
		}
		if end < 0 && bracket != len(b)-1 {
			return nil, nil
		}
	}
	if end < 0 {
		return b, nil
	}
	if end == 0 {
		return nil, nil
	}
	return b[:end], b[end+1:]
}

func validPort(b []byte) bool {
	n, ok := ParseLength(b)
	return ok && len(b) <= 5 && n <= 65535
}

func validBracketed(b []byte) bool {
	if len(b) < 4 { // "[::]"
		return false
	}
	for _, c := range b[1 : len(b)-1] {
		if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' || c == ':' || c == '.') {
			return false
		}
	}
	return true
}

// NormalHost appends the form of a host that routing compares: lower-case, without port and without
// a trailing dot.
func NormalHost(dst, host []byte) []byte {
	name, _ := SplitHost(host)
	name = bytes.TrimSuffix(name, []byte("."))
	for _, c := range name {
		if is(c, classUpper) {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
