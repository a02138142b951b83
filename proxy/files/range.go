package files

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"purser/proxy/wire"
)

// mostRanges is how many ranges are given at once. RFC 9110 section 14.2 allows to ignore what asks for more than makes
// sense, and so for ranges that overlap.
const mostRanges = 100

// A span is what of a file a range is.
type span struct{ from, n int64 }

// parseRanges reads a Range field. It reports false for what is to be ignored, and no spans if nothing of any
// range is there.
func parseRanges(field []byte, size int64) (spans []span, ok bool) {
	unit, list, _ := bytes.Cut(field, []byte("="))
	if !wire.EqualFold(unit, "bytes") { // in any case: RFC 9110 section 14.1
		return nil, false
	}
	asked := 0
	for spec := range bytes.SplitSeq(list, []byte(",")) {
		spec = bytes.TrimSpace(spec)
		if len(spec) == 0 {
			continue // RFC 9110 section 5.6.1.2
		}
		s, ok := parseRange(spec, size)
		if asked++; !ok || asked > mostRanges {
			return nil, false
		}
		if s.n > 0 {
			spans = append(spans, s)
		}
	}
	return spans, asked > 0 && !overlap(spans)
}

func overlap(spans []span) bool {
	if len(spans) < 2 {
		return false
	}
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := range sorted[1:] {
		if sorted[i].from+sorted[i].n > sorted[i+1].from {
			return true
		}
	}
	return false
}

// parseRange reads one range. An n of 0 means that nothing of it is there.
func parseRange(spec []byte, size int64) (s span, ok bool) {
	first, last, dash := bytes.Cut(spec, []byte("-"))
	if !dash {
		return s, false
	}
	if len(first) == 0 {
		n, ok := parsePosition(last)
		n = min(n, size)
		return span{size - n, n}, ok
	}
	from, ok := parsePosition(first)
	to := size - 1
	if ok && len(last) > 0 {
		to, ok = parsePosition(last)
		ok = ok && from <= to
	}
	return span{from, max(0, min(to, size-1)-from+1)}, ok
}

// parsePosition reads a number of any length: RFC 9110 section 14.1.2 sets no limit to it. What exceeds
// an int64 lies behind the end of every file, as the largest int64 does.
func parsePosition(s []byte) (n int64, ok bool) {
	for _, c := range s {
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
