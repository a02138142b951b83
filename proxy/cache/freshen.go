package cache

import (
	"bytes"

	"purser/proxy/wire"
)

// Freshened returns the entry with what a 304 says about it (RFC 9111 section 4.3.4), and whether that may be stored; nil
// if the 304 is about another state of it.
func (e *Entry) Freshened(a *Answer) (fresh *Entry, store bool) {
	confirmed := Entry{Fields: a.Fields}
	if tag := confirmed.Tag(); tag != nil && e.Tag() != nil && !sameTag(tag, e.Tag()) {
		return nil, false
	}
	merged := *a
	merged.Status, merged.Reason, merged.Fields = e.Status, e.Reason, e.merged(a.Fields)
	if fresh = newEntry(&merged); fresh == nil {
		return nil, false
	}
	fresh.Body = e.Body
	return fresh, fresh.mayStore(&merged)
}

// merged returns the stored fields, of which those that a 304 has, too, are replaced (RFC 9111 section 3.2).
func (e *Entry) merged(from []wire.Field) []wire.Field {
	var all []wire.Field
	for i := range e.Fields {
		if f := &e.Fields[i]; !replaced(f, from) {
			all = append(all, *f)
		}
	}
	for i := range from {
		if f := &from[i]; replaces(f) {
			all = append(all, *f)
		}
	}
	return all
}

func replaced(stored *wire.Field, from []wire.Field) bool {
	for i := range from {
		if f := &from[i]; replaces(f) && f.ID == stored.ID && (f.ID != wire.Other || bytes.EqualFold(f.Name, stored.Name)) {
			return true
		}
	}
	return false
}

// replaces reports whether a field of a 304 takes the place of a stored one. What describes the stored content does not:
// it would not fit to it.
func replaces(f *wire.Field) bool {
	switch f.ID {
	case wire.ContentEncoding, wire.ContentRange, wire.ContentLength:
		return false
	case wire.Other:
		return !f.Drop && !wire.EqualFold(f.Name, "content-md5") && !wire.EqualFold(f.Name, "etag")
	}
	return !f.Drop
}

// sameTag compares weakly (RFC 9110 section 8.8.3.2).
func sameTag(a, b []byte) bool {
	return bytes.Equal(bytes.TrimPrefix(a, []byte("W/")), bytes.TrimPrefix(b, []byte("W/")))
}

// AppendConditions appends the fields that ask an app whether the entry is still what it would answer.
func (e *Entry) AppendConditions(b []byte) []byte {
	if tag := e.Tag(); tag != nil {
		b = wire.AppendField(b, []byte("If-None-Match"), tag)
	}
	if modified := e.modified(); modified != nil {
		b = wire.AppendField(b, []byte("If-Modified-Since"), modified)
	}
	return b
}
