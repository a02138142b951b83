package cache

import (
	"bytes"
	"strings"

	"purser/proxy/wire"
)

// A variant is a field of requests that an answer depends on (Vary), and what it was (RFC 9111 section 4.1).
type variant struct {
	name  string // in lower case
	value []byte
}

// varianceOf returns what of its request an answer depends on. False: by more than fields ("*").
func varianceOf(answer, request []wire.Field) (all []variant, ok bool) {
	for i := range answer {
		if answer[i].ID != wire.Vary {
			continue
		}
		for name := range bytes.SplitSeq(answer[i].Value, []byte(",")) {
			switch name := strings.ToLower(string(bytes.TrimSpace(name))); name {
			case "":
			case "*", "x-forwarded-for", "x-real-ip", "x-request-id", "x-request-start", "forwarded": // what the app is told of each
				return nil, false
			default:
				all = append(all, variant{name, appendValues(nil, request, name)})
			}
		}
	}
	return all, true
}

// appendValues appends the values of all fields of a name as one list. White space between its elements means nothing.
func appendValues(b []byte, fields []wire.Field, name string) []byte {
	from := len(b)
	for i := range fields {
		if !wire.EqualFold(fields[i].Name, name) {
			continue
		}
		for rest := fields[i].Value; len(rest) > 0; {
			var element []byte
			if element, rest = nextElement(rest); len(b) > from {
				b = append(b, ',')
			}
			b = append(b, element...)
		}
		if len(b) == from {
			b = append(b, ',') // it is there, and empty
		}
	}
	return b
}

// suits reports whether a request is for this variant.
func (e *Entry) suits(request []wire.Field) bool {
	var memory [256]byte
	for i := range e.vary {
		if !bytes.Equal(appendValues(memory[:0], request, e.vary[i].name), e.vary[i].value) {
			return false
		}
	}
	return true
}

// replaces reports whether it is the answer to the same requests as another.
func (e *Entry) replaces(other *Entry) bool {
	if len(e.vary) != len(other.vary) {
		return false
	}
	for i := range e.vary {
		if e.vary[i].name != other.vary[i].name || !bytes.Equal(e.vary[i].value, other.vary[i].value) {
			return false
		}
	}
	return true
}
