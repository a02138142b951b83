package certs

import (
	"crypto/tls"
	"strings"
)

// A book finds the entry of a name.
type book struct {
	entries []*entry
	exact   map[string]*entry
	wild    map[string]*entry // by what follows the "*"
	other   *entry            // of the app without hosts; nil = there is none
	server  *entry            // the server's; nil = it has no certificate
	configs map[*entry]*tls.Config
	issued  *issued // the same in all books
}

// newBook has the first of several sources of one name, unless only a later one has certificates.
func newBook(entries []*entry, issued *issued) *book {
	b := &book{entries: entries, exact: map[string]*entry{}, wild: map[string]*entry{}, configs: map[*entry]*tls.Config{}, issued: issued}
	for _, e := range entries {
		switch {
		case e.App == "":
			b.server = e
		case len(e.Hosts) == 0:
			b.other = better(b.other, e)
		}
		for _, host := range e.Hosts {
			if suffix, ok := strings.CutPrefix(host, "*"); ok {
				b.wild[suffix] = better(b.wild[suffix], e)
			} else {
				b.exact[host] = better(b.exact[host], e)
			}
		}
	}
	for _, e := range entries {
		if e.ca != nil {
			b.configs[e] = b.clientConfig(e)
		}
	}
	return b
}

func better(old, e *entry) *entry {
	if old == nil || len(old.Pairs) == 0 && len(e.Pairs) > 0 {
		return e
	}
	return old
}

// of returns the entry for a name: that of its host, an exact one before "*.", the longest of these first; or
// of the app without hosts.
func (b *book) of(name string) *entry {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if e := b.exact[name]; e != nil {
		return e
	}
	for rest := name; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return b.other
		}
		if e := b.wild[rest[dot:]]; e != nil {
			return e
		}
		rest = rest[dot+1:]
	}
}

// shown is whose certificates are shown for a name: those of its entry, or that which was issued for it, or the
// server's, or any that there are, as a client may go on even if its name is missing there. It is nil if there are
// none, or if that of the name is still to come.
func (b *book) shown(name string) *entry {
	expected := b.issued.of(name)
	for _, e := range [...]*entry{b.of(name), expected, b.server, b.other} {
		if e != nil && len(e.shown) > 0 {
			return e
		}
	}
	if expected != nil {
		return nil
	}
	for _, e := range b.entries {
		if len(e.shown) > 0 {
			return e
		}
	}
	return b.issued.any()
}

// namesOf are the names that certificates are for. It is asked for each request, without the cost of an error.
func namesOf(shown []tls.Certificate) map[string]bool {
	names := map[string]bool{}
	for _, c := range shown {
		for _, name := range c.Leaf.DNSNames {
			names[strings.TrimPrefix(strings.ToLower(name), "*")] = true
		}
		for _, ip := range c.Leaf.IPAddresses {
			names[ip.String()] = true
		}
	}
	return names
}

// isFor reports whether clients take a certificate of the entry for a name in lower case. A wildcard stands for
// one label (RFC 9525 section 6.3).
func (e *entry) isFor(name string) bool {
	if e == nil {
		return false
	}
	dot := strings.IndexByte(name, '.')
	return dot != 0 && e.names[name] || dot > 0 && e.names[name[dot:]]
}
