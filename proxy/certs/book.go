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
}

// newBook has the first of several sources of one name, unless only a later one has certificates.
func newBook(entries []*entry) *book {
	b := &book{entries: entries, exact: map[string]*entry{}, wild: map[string]*entry{}, configs: map[*entry]*tls.Config{}}
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

// shown are the certificates for a name, of which the client takes one: the entry's own, or the server's, or
// any that there is, as a client may go on even if its name is missing there.
func (b *book) shown(name string) []tls.Certificate {
	for _, e := range []*entry{b.of(name), b.server, b.other} {
		if e != nil && len(e.shown) > 0 {
			return e.shown
		}
	}
	for _, e := range b.entries {
		if len(e.shown) > 0 {
			return e.shown
		}
	}
	return nil
}

// covers reports whether a certificate is there that clients take for a name.
func (b *book) covers(name string) bool {
	for _, c := range b.shown(name) {
		if covers(c.Leaf, name) {
			return true
		}
	}
	return false
}
