package files

import (
	"bytes"

	"purser/proxy/wire"
)

// fileName turns a request's path into a name below the folder of an app at subURI: decoded, without
// "." and "..". It reports false for what is never served: hidden files other than those below /.well-known (RFC 8615),
// and names that no file can have.
func fileName(dst []byte, r *wire.Request, subURI string) (name []byte, ok bool) {
	path := r.Path
	if r.ReviewPath {
		var err error
		if path, err = wire.NormalPath(dst, path); err != nil {
			return nil, false
		}
		if path, ok = decodeName(path); !ok {
			return nil, false
		}
	}
	if subURI != "/" {
		path = path[len(subURI):]
	}
	name = bytes.TrimPrefix(path, []byte("/"))
	return name, !r.ReviewPath || !hidden(name)
}

// decodeName decodes, in place, the escapes that a normal path has left. An escaped "/" or NUL is no
// part of any name.
func decodeName(path []byte) ([]byte, bool) {
	out := path[:0]
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if c = wire.Unescape(path[i+1], path[i+2]); c == '/' || c == 0 {
				return nil, false
			}
			i += 2
		}
		out = append(out, c)
	}
	return out, true
}

// hidden reports whether a part of name begins with a dot.
func hidden(name []byte) bool {
	for rest, first, more := name, true, true; more; first = false {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte("/"))
		if len(part) > 0 && part[0] == '.' && !(first && string(part) == ".well-known") {
			return true
		}
	}
	return false
}
