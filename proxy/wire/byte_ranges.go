package wire

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
)

// MostRanges is how many ranges are given at once. RFC 9110 section 14.2 allows to ignore what asks for more than makes
// sense, and so for ranges that overlap.
const MostRanges = 100

// A ByteRange is a part of a content of known size.
type ByteRange struct{ From, N int64 }

// ByteRanges reads a Range field (RFC 9110 section 14.2) for a content of that size. It reports false for what is to be ignored, and none if nothing of any is there.
func ByteRanges(field []byte, size int64) (all []ByteRange, ok bool) {
	unit, list, _ := bytes.Cut(field, []byte("="))
	if !EqualFold(unit, "bytes") { // in any case: RFC 9110 section 14.1
		return nil, false
	}
	asked := 0
	for spec := range bytes.SplitSeq(list, []byte(",")) {
		spec = bytes.TrimSpace(spec)
		if len(spec) == 0 {
			continue // RFC 9110 section 5.6.1.2
		}
		r, ok := parseRange(spec, size)
		if asked++; !ok || asked > MostRanges {
			return nil, false
		}
		if r.N > 0 {
			all = append(all, r)
		}
	}
	return all, asked > 0 && !overlap(all)
}

func overlap(all []ByteRange) bool {
	if len(all) < 2 {
		return false
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b ByteRange) int { return cmp.Compare(a.From, b.From) })
	for i := range sorted[1:] {
		if sorted[i].From+sorted[i].N > sorted[i+1].From {
			return true
		}
	}
	return false
}

// parseRange reads one range. An N of 0 means that nothing of it is there.
func parseRange(spec []byte, size int64) (r ByteRange, ok bool) {
	first, last, dash := bytes.Cut(spec, []byte("-"))
	if !dash {
		return r, false
	}
	if len(first) == 0 {
		n, ok := parsePosition(last)
		n = min(n, size)
		return ByteRange{size - n, n}, ok
	}
	from, ok := parsePosition(first)
	to := size - 1
	if ok && len(last) > 0 {
		to, ok = parsePosition(last)
		ok = ok && from <= to
	}
	return ByteRange{from, max(0, min(to, size-1)-from+1)}, ok
}

// parsePosition reads a number of any length: RFC 9110 section 14.1.2 sets no limit to it. What exceeds
// an int64 lies behind the end of every content, as the largest int64 does.
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

// AppendContentRange appends the value of a Content-Range (RFC 9110 section 14.4). An N of 0 stands for none.
func AppendContentRange(b []byte, r ByteRange, size int64) []byte {
	b = append(b, "bytes "...)
	if r.N == 0 {
		b = append(b, '*')
	} else {
		b = strconv.AppendInt(b, r.From, 10)
		b = append(b, '-')
		b = strconv.AppendInt(b, r.From+r.N-1, 10)
	}
	return strconv.AppendInt(append(b, '/'), size, 10)
}
