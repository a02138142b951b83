package files

import (
	"strconv"
	"strings"
)

// parseRange reads a Range field with one range of bytes. It reports false for anything else, which is
// to be ignored, and an n of 0 if nothing of the range is there.
func parseRange(field []byte, size int64) (from, n int64, ok bool) {
	spec, ok := strings.CutPrefix(string(field), "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
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

func parsePosition(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}
