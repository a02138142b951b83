package cache

import (
	"bytes"
	"net/http"

	"purser/proxy/wire"
)

// A Part is what of an entry a request is answered with. From and To are of its body, unless the status is 304 or 416.
type Part struct{ Status, From, To int }

// PartFor decides that by the request's conditions, of which only those are looked at that a cache can judge, and by its
// range (RFC 9110 section 13.2.2, RFC 9111 section 4.3.2). More than one range is answered with the whole.
func (e *Entry) PartFor(r *wire.Request) Part {
	whole := Part{e.Status, 0, len(e.Body)}
	if e.Status != http.StatusOK {
		return whole
	}
	if e.known(r) {
		return Part{Status: http.StatusNotModified}
	}
	wanted := r.Get(wire.Range)
	if wanted == nil || r.IsHead() || !e.sameAs(r.Get(wire.IfRange)) {
		return whole
	}
	ranges, ok := wire.ByteRanges(wanted, int64(len(e.Body)))
	switch {
	case !ok, len(ranges) > 1:
		return whole
	case len(ranges) == 0:
		return Part{Status: http.StatusRequestedRangeNotSatisfiable}
	}
	from := int(ranges[0].From)
	return Part{http.StatusPartialContent, from, from + int(ranges[0].N)}
}

// known reports whether the client has it already.
func (e *Entry) known(r *wire.Request) bool {
	if match := r.Get(wire.IfNoneMatch); match != nil {
		tag := e.Tag()
		for rest := match; len(rest) > 0; {
			var item []byte
			item, rest = nextElement(rest)
			if string(item) == "*" || tag != nil && sameTag(item, tag) {
				return true
			}
		}
		return false
	}
	since, modified := r.Get(wire.IfModifiedSince), e.modified()
	if since == nil {
		return false
	}
	if modified == nil { // RFC 9111 section 4.3.2: then Date says it
		modified = get(e.Fields, wire.Date)
	}
	at, err := http.ParseTime(string(modified))
	known, knownErr := http.ParseTime(string(since))
	return bytes.Equal(since, modified) || err == nil && knownErr == nil && !at.After(known)
}

// sameAs reports whether an If-Range names this very state (RFC 9110 section 13.1.5). A weak tag does not.
func (e *Entry) sameAs(condition []byte) bool {
	tag := e.Tag()
	switch {
	case condition == nil:
		return true
	case bytes.HasPrefix(condition, []byte(`"`)):
		return bytes.Equal(condition, tag)
	}
	return bytes.Equal(condition, e.modified())
}
