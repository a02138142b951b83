package files

import (
	"bytes"

	"purser/proxy/wire"
)

// nameBelow is the name below the folder of an app at subURI that a path means which is to be taken as it is.
func nameBelow(subURI string, path []byte) []byte {
	if subURI != "/" {
		path = path[len(subURI):]
	}
	return bytes.TrimPrefix(path, []byte("/"))
}

// reviewedName is nameBelow for any other path: decoded, without "." and "..". It reports false for what is never served:
// hidden files other than those below /.well-known (RFC 8615), and names that no file can have.
func reviewedName(dst, path []byte, subURI string) (name []byte, ok bool) {
	path, err := wire.NormalPath(dst, path)
	if err != nil {
		return nil, false
	}
	if path, ok = decodeName(path); !ok {
		return nil, false
	}
	name = nameBelow(subURI, path)
	return name, !hidden(name)
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
