package files

import (
	"bytes"
	"strings"
)

// forEver is what is said of a file whose name tells its content: who has it need never ask again (RFC 8246).
var forEver = []byte("public, max-age=31536000, immutable")

// fingerprinted reports whether a name below the public folder changes with the content, by the habits of those that make
// such names. What people call their files must not be taken for it: a stale file would stay for a year, while one that is
// not recognised only costs a question with a 304 for an answer.
func fingerprinted(name string) bool {
	if rest, is := strings.CutPrefix(name, "_next/static/"); is { // Next.js, all of it
		return !strings.HasPrefix(rest, "development/")
	}
	at := strings.LastIndexByte(name, '/') + 1
	folders, base := name[:at], name[at:]
	for end := strings.IndexByte(base, '.'); end > 0; {
		if endsInHash(base[:end], folders) {
			return true
		}
		next := strings.IndexByte(base[end+1:], '.')
		if next < 0 {
			break
		}
		end += 1 + next
	}
	return false
}

// endsInHash looks at what stands before a dot of a name.
func endsInHash(s, folders string) bool {
	if before := strings.LastIndexByte(s, '-'); before > 0 && isHex(s[before+1:]) {
		switch len(s) - before - 1 {
		case 20, 32, 40, 64: // Sprockets; 32 = MD5, 40 = SHA-1, 64 = SHA-256; Webpacker 20
			return true
		case 8: // Propshaft. Elsewhere it might be anything
			return isBelow(folders, "assets") || isBelow(folders, "packs")
		}
	}
	if before := strings.LastIndexByte(s, '.'); before > 0 && isHex(s[before+1:]) {
		switch len(s) - before - 1 {
		case 8, 16, 20, 12: // webpack, 12 = Django's ManifestStaticFilesStorage
			return true
		}
	}
	const vite = len("-BfKx_q3-")
	if before := len(s) - vite; before >= 0 && isBelow(folders, "assets") {
		return before > 0 && s[before] == '-' && isRandom(s[before+1:])
	}
	return false
}

func isBelow(folders, name string) bool {
	return strings.HasPrefix(folders, name+"/") || strings.Contains(folders, "/"+name+"/")
}

// isHex reports lower-case hexadecimal digits, of both kinds: numbers and dates have no letters, words no digits.
func isHex(s string) bool {
	digits, letters := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'f':
			letters++
		default:
			return false
		}
	}
	return digits > 0 && letters > 0
}

// isRandom reports base64url that nobody would write: letters of both cases, and not words with a number behind each,
// be they parted by "-" or "_" or by capitals.
func isRandom(s string) bool {
	const lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if strings.Trim(s, lower+upper+"0123456789-_") != "" || !strings.ContainsAny(s, lower) || !strings.ContainsAny(s, upper) {
		return false
	}
	words := strings.FieldsFunc(s, func(c rune) bool { return c == '-' || c == '_' })
	for _, word := range words {
		if !isWord([]byte(strings.TrimRight(word, "0123456789"))) {
			return true
		}
	}
	return false
}

// isWord reports letters of which capitals begin what has more letters, as in "bigPhoto", or capitals alone.
func isWord(s []byte) bool {
	if bytes.Equal(s, bytes.ToUpper(s)) {
		return !bytes.ContainsAny(s, "0123456789")
	}
	for i, c := range s {
		capital := c >= 'A' && c <= 'Z'
		last := i == len(s)-1
		if c <= '9' || capital && (last || s[i+1] <= 'Z') {
			return false
		}
	}
	return true
}
