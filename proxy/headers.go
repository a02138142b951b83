package proxy

import (
	"slices"
	"strings"

	"purser/conf"
	"purser/proxy/wire"
)

// headers are what an app's configuration changes of the fields of its answers and requests. nil = nothing.
type headers struct {
	set     []named  // of answers, in the place of those of the same names
	gone    []string // names that answers have no more, in lower case: those of set, too
	missing []named  // of answers that have none of the name

	requestSet  []wire.Field
	requestGone []string
}

// A named is a field with its name in lower case.
type named struct {
	wire.Field
	lower string
}

// careful are the fields by which browsers are careful with an app's pages.
var careful = []conf.HeaderLine{
	{Name: "X-Content-Type-Options", Value: "nosniff"},
	{Name: "X-Frame-Options", Value: "SAMEORIGIN"},
	{Name: "Referrer-Policy", Value: "strict-origin-when-cross-origin"},
	{Name: "Cross-Origin-Opener-Policy", Value: "same-origin"},
}

func newHeaders(c conf.Headers) *headers {
	h := &headers{set: namedOf(c.Set), gone: goneBy(c.Set, c.Remove), requestGone: goneBy(c.RequestSet, c.RequestRemove)}
	for _, f := range namedOf(c.RequestSet) {
		h.requestSet = append(h.requestSet, f.Field)
	}
	if c.Security {
		h.missing = slices.DeleteFunc(namedOf(careful), func(f named) bool { return slices.Contains(h.gone, f.lower) })
	}
	if len(h.set)+len(h.gone)+len(h.missing)+len(h.requestSet)+len(h.requestGone) == 0 {
		return nil
	}
	return h
}

func namedOf(lines []conf.HeaderLine) (all []named) {
	for _, l := range lines {
		all = append(all, named{wire.Field{Name: []byte(l.Name), Value: []byte(l.Value)}, strings.ToLower(l.Name)})
	}
	return all
}

// goneBy are the names that go, in lower case. Cookies are set beside those of others.
func goneBy(set []conf.HeaderLine, remove []string) (gone []string) {
	for _, l := range set {
		if !strings.EqualFold(l.Name, "Set-Cookie") {
			gone = append(gone, strings.ToLower(l.Name))
		}
	}
	for _, name := range remove {
		gone = append(gone, strings.ToLower(name))
	}
	return gone
}

// change changes the head of an answer, whose fields must be the exchange's own. What a page of ours says itself
// stays: that it is not to be stored, and of what type it is.
func (h *headers) change(x *exchange, head *wire.ResponseHead) {
	if h == nil {
		return
	}
	x.add(head) // nothing yet: those that it has become our own
	ours := x.story.reason != ""
	if !ours {
		drop(head.Fields, h.gone)
		head.Added = slices.DeleteFunc(head.Added, func(f wire.Field) bool { return isOneOf(f.Name, h.gone) })
	}
	said := len(head.Added)
	for i := range h.set {
		if f := &h.set[i]; !ours || !has(head.Added[:said], f.lower) {
			head.Added = append(head.Added, f.Field)
		}
	}
	for i := range h.missing {
		if f := &h.missing[i]; !has(head.Fields, f.lower) && !has(head.Added, f.lower) {
			head.Added = append(head.Added, f.Field)
		}
	}
	x.added = head.Added
}

func drop(fields []wire.Field, names []string) {
	for i := range fields {
		if f := &fields[i]; isOneOf(f.Name, names) {
			f.Drop = true
		}
	}
}

func isOneOf(name []byte, names []string) bool {
	for _, other := range names {
		if wire.EqualFold(name, other) {
			return true
		}
	}
	return false
}

// has reports whether a field of that name goes out.
func has(fields []wire.Field, lower string) bool {
	for i := range fields {
		if f := &fields[i]; !f.Drop && wire.EqualFold(f.Name, lower) {
			return true
		}
	}
	return false
}
