package proxy

import "purser/proxy/wire"

// Paths are compared exactly, case included, in one of two forms.

// normalPath is the path of a request as routing compares it (wire.NormalPath), for which dst may be the memory.
func normalPath(dst []byte, r *wire.Request) ([]byte, error) {
	if !r.ReviewPath {
		return r.Path, nil
	}
	return wire.NormalPath(dst, r.Path)
}

// plainPath appends the path of a request with all escapes decoded, as most apps read it: who writes /login in another
// way must not be counted apart, or not at all. An escaped slash parts segments here, and several slashes are one; but a
// "." behind an escaped slash is no step, as it is none for apps.
func plainPath(dst []byte, req *wire.Request) []byte {
	if !req.ReviewPath {
		return req.Path
	}
	start := len(dst)
	dst, _ = wire.NormalPath(dst, req.Path) // its error was seen when the site was found
	plain := dst[:start]
	for i := start; i < len(dst); i++ {
		c := dst[i]
		if c == '%' && i+2 < len(dst) {
			c = wire.Unescape(dst[i+1], dst[i+2])
			i += 2
		}
		if last := len(plain) - 1; c != '/' || last < start || plain[last] != '/' {
			plain = append(plain, c)
		}
	}
	return plain
}

// isBelow reports whether a path is another, or below it. "/" and "" are above all.
func isBelow(path []byte, other string) bool {
	n := len(other)
	return other == "/" || len(path) >= n && string(path[:n]) == other && (len(path) == n || path[n] == '/')
}
