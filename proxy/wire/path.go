package wire

var errPath = &Error{Status: 400, Text: "the path has a malformed escape, or leads above the root"}

// NormalPath appends the form of a path that routing compares: unreserved escapes decoded, "//",
// "/./" and "/../" resolved (RFC 3986 section 6.2.2). An escaped slash or backslash stays escaped: it
// is data, never a separator. The app is sent the original bytes all the same.
func NormalPath(dst, path []byte) ([]byte, error) {
	start := len(dst)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if i+2 >= len(path) {
				return dst, errPath
			}
			hi, lo := hexValue(path[i+1]), hexValue(path[i+2])
			if hi < 0 || lo < 0 || hi == 0 && lo == 0 {
				return dst, errPath
			}
			if c = byte(hi<<4 | lo); !unreserved(c) {
				dst = append(dst, '%', upperHex(path[i+1]), upperHex(path[i+2]))
				i += 2
				continue
			}
			i += 2
		}
		if c != '/' {
			dst = append(dst, c)
			continue
		}
		var ok bool
		if dst, ok = closeSegment(dst, start); !ok {
			return dst, errPath
		}
		if len(dst) == start || dst[len(dst)-1] != '/' {
			dst = append(dst, '/')
		}
	}
	dst, ok := closeSegment(dst, start)
	if !ok {
		return dst, errPath
	}
	return dst, nil
}

// closeSegment resolves the last segment if it is "." or "..". It reports false if that leads above
// the root.
func closeSegment(dst []byte, start int) ([]byte, bool) {
	p := dst[start:]
	switch {
	case hasSuffix(p, "/."):
		return dst[:len(dst)-1], true
	case !hasSuffix(p, "/.."):
		return dst, true
	case len(p) == len("/.."):
		return dst, false
	}
	end := len(dst) - len("/..")
	for end > start && dst[end-1] != '/' {
		end--
	}
	return dst[:end], true
}

func hasSuffix(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func upperHex(c byte) byte {
	if c >= 'a' {
		c -= 'a' - 'A'
	}
	return c
}

// Unescape returns the byte that an escape stands for, by its two digits, which must be hexadecimal.
func Unescape(hi, lo byte) byte { return byte(hexValue(hi)<<4 | hexValue(lo)) }

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
