package files

import (
	"bytes"
	"math"
	"strings"

	"purser/proxy/wire"
)

// parseRange reads a Range field with one range of bytes. It reports false for anything else, which is
// to be ignored, and an n of 0 if nothing of the range is there.
func parseRange(field []byte, size int64) (from, n int64, ok bool) {
	unit, spec, _ := bytes.Cut(field, []byte("="))
	first, last, dash := strings.Cut(string(bytes.TrimSpace(spec)), "-")
	if !dash || !wire.EqualFold(unit, "bytes") { // in any case: RFC 9110 section 14.1
		return 0, 0, false
	}
	if first == "" {
		n, ok = parsePosition(last)
		n = min(n, size)
		return size - n, n, ok
	}
	from, ok = parsePosition(first)
	to := size - 1
	if ok && last != "" {
		to, ok = parsePosition(last)
		ok = ok && from <= to
	}
	return from, max(0, min(to, size-1)-from+1), ok
}

// parsePosition reads a number of any length: RFC 9110 section 14.1.2 sets no limit to it. What exceeds
// an int64 lies behind the end of every file, as the largest int64 does.
func parsePosition(s string) (n int64, ok bool) {
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		digit := int64(c - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
		} else {
			n = 10*n + digit
		}
	}
	return n, len(s) > 0
}
