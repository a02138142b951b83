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
	if status := f.precondition(r); status != 0 {
		return Part{Status: status}
	}
	whole := Part{http.StatusOK, 0, f.size}
	wanted := r.Get(wire.Range)
	if wanted == nil || r.IsHead() || !f.sameAs(r.Get(wire.IfRange)) {
		return whole
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

// precondition returns the status that answers a request whose conditions are not met, or 0. They are
// looked at in the order of RFC 9110 section 13.2.2.
func (f *File) precondition(r *wire.Request) int {
	if match := r.Get(wire.IfMatch); match != nil {
		if !hasTag(match, f.tag(), strong) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := dateIn(r, wire.IfUnmodifiedSince); ok && f.modified.Unix() > since.Unix() {
		return http.StatusPreconditionFailed
	}
	if match := r.Get(wire.IfNoneMatch); match != nil {
		if hasTag(match, f.tag(), weak) {
			return http.StatusNotModified
		}
	} else if since, ok := dateIn(r, wire.IfModifiedSince); ok && f.modifiedAt(since) {
		return http.StatusNotModified
	}
	return 0
}

// sameAs reports whether an If-Range names this state of the file: RFC 9110 section 13.1.5. Without one
// there is no condition.
func (f *File) sameAs(condition []byte) bool {
	if condition == nil || string(condition) == f.tag() {
		return true
	}
	since, err := http.ParseTime(string(condition))
	return err == nil && f.modifiedAt(since)
}

// modifiedAt compares exactly, as nginx does: after a rollback a file may be older than the one that
// the client has.
func (f *File) modifiedAt(t time.Time) bool { return f.modified.Unix() == t.Unix() }

// dateIn returns the date of a field; one that cannot be read is to be ignored (RFC 9110 sections
// 13.1.3 and 13.1.4).
func dateIn(r *wire.Request, id wire.FieldID) (t time.Time, ok bool) {
	value := r.Get(id)
	if value == nil {
		return t, false
	}
	t, err := http.ParseTime(string(value))
	return t, err == nil
}

// A comparison of entity tags is one of those of RFC 9110 section 8.8.3.2.
type comparison int

const (
	strong comparison = iota // a weak tag equals none
	weak                     // "W/" makes no difference
)

// hasTag reports whether a list of entity tags has tag, which is a strong one, or is "*": any.
func hasTag(list []byte, tag string, how comparison) bool {
	for item := range bytes.SplitSeq(list, []byte(",")) {
		item = bytes.TrimSpace(item)
		if how == weak {
			item = bytes.TrimPrefix(item, []byte("W/"))
		}
		if string(item) == tag || string(item) == "*" {
			return true
		}
	}
	return false
}
