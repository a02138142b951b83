package files

import (
	"bytes"
	"net/http"
	"time"

	"purser/proxy/wire"
)

// A Part is what of a file is sent, and why. N is 0 unless the status is 200 or 206.
type Part struct {
	Status  int
	From    int64
	N       int64    // with several ranges, of all that is sent
	Several *Several // nil = one range at most
}

// Part decides what is sent: RFC 9110 sections 13 and 14.
func (f *File) Part(r *wire.Request) Part {
	if f.redirected != nil {
		return Part{Status: http.StatusMovedPermanently}
	}
	if status := f.precondition(r); status != 0 {
		return Part{Status: status}
	}
	whole := Part{Status: http.StatusOK, N: f.size}
	wanted := r.Get(wire.Range)
	if wanted == nil || r.IsHead() || !f.sameAs(r.Get(wire.IfRange)) {
		return whole
	}
	ranges, ok := wire.ByteRanges(wanted, f.size)
	switch {
	case !ok:
		return whole
	case len(ranges) == 0:
		return Part{Status: http.StatusRequestedRangeNotSatisfiable}
	case len(ranges) > 1:
		several := f.several(ranges)
		return Part{Status: http.StatusPartialContent, N: several.length(), Several: several}
	}
	return Part{Status: http.StatusPartialContent, From: ranges[0].From, N: ranges[0].N}
}

// precondition returns the status that answers a request whose conditions are not met, or 0. They are
// looked at in the order of RFC 9110 section 13.2.2.
func (f *File) precondition(r *wire.Request) int {
	if match := r.Get(wire.IfMatch); match != nil {
		if !f.namedIn(match, strong) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := dateIn(r, wire.IfUnmodifiedSince); ok && f.modified > since.Unix() {
		return http.StatusPreconditionFailed
	}
	if match := r.Get(wire.IfNoneMatch); match != nil {
		if f.namedIn(match, weak) {
			return http.StatusNotModified
		}
	} else if since := r.Get(wire.IfModifiedSince); since != nil && f.modifiedAt(since) {
		return http.StatusNotModified
	}
	return 0
}

// sameAs reports whether an If-Range names this state of the file: RFC 9110 section 13.1.5. Without one
// there is no condition.
func (f *File) sameAs(condition []byte) bool {
	return condition == nil || f.isTag(condition) || f.modifiedAt(condition)
}

// modifiedAt compares exactly, as nginx does: after a rollback a file may be older than the one that
// the client has. What cannot be read as a date is none.
func (f *File) modifiedAt(date []byte) bool {
	if bytes.Equal(date, f.date) {
		return true
	}
	t, err := http.ParseTime(string(date))
	return err == nil && f.modified == t.Unix()
}

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

// namedIn reports whether a list of entity tags has that of the file, which is a strong one, or is "*": any. It may part
// the list at its commas: a tag of another may have some inside, but no part of it is one of ours.
func (f *File) namedIn(list []byte, how comparison) bool {
	if string(list) == "*" {
		return true
	}
	for item := range bytes.SplitSeq(list, []byte(",")) {
		item = bytes.TrimSpace(item)
		if how == weak {
			item = bytes.TrimPrefix(item, []byte("W/"))
		}
		if f.isTag(item) {
			return true
		}
	}
	return false
}
