package files

import (
	"bytes"
	"net/http"
	"time"

	"purser/proxy/wire"
)

// A Part is what of a file is sent, and why. N is 0 unless the status is 200 or 206.
type Part struct {
	Status int
	From   int64
	N      int64
}

// Part decides what is sent: RFC 9110 sections 13 and 14, with one range at most.
func (f *File) Part(r *wire.Request) Part {
	whole := Part{http.StatusOK, 0, f.size}
	tag := f.tag()
	if match := r.Get(wire.IfNoneMatch); match != nil {
		if hasTag(match, tag) {
			return Part{Status: http.StatusNotModified}
		}
	} else if since, err := http.ParseTime(string(r.Get(wire.IfModifiedSince))); err == nil && f.modifiedAt(since) {
		return Part{Status: http.StatusNotModified}
	}
	wanted := r.Get(wire.Range)
	if wanted == nil || r.IsHead() {
		return whole
	}
	if condition := r.Get(wire.IfRange); condition != nil && string(condition) != tag {
		if since, err := http.ParseTime(string(condition)); err != nil || !f.modifiedAt(since) {
			return whole
		}
	}
	from, n, ok := parseRange(wanted, f.size)
	switch {
	case !ok:
		return whole
	case n == 0:
		return Part{Status: http.StatusRequestedRangeNotSatisfiable}
	}
	return Part{http.StatusPartialContent, from, n}
}

// modifiedAt compares exactly, as nginx does: after a rollback a file may be older than the one that
// the client has.
func (f *File) modifiedAt(t time.Time) bool { return f.modified.Unix() == t.Unix() }

// hasTag reports whether an If-None-Match lists tag, by the weak comparison of RFC 9110 section 8.8.3.2.
func hasTag(list []byte, tag string) bool {
	for item := range bytes.SplitSeq(list, []byte(",")) {
		item = bytes.TrimPrefix(bytes.TrimSpace(item), []byte("W/"))
		if string(item) == tag || string(item) == "*" {
			return true
		}
	}
	return false
}
