package certs

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An issued holds the certificates that an authority issues while we serve, by the name of the configuration that
// each is for. A name whose certificate has not come yet has an entry without one.
type issued struct {
	mu     sync.Mutex // held by who changes
	all    atomic.Pointer[names]
	missed atomic.Int64                                // when it was last told that one has not come
	miss   func(name string)                           // told of that; nil = nobody is
	prove  func(name string) (*tls.Certificate, error) // nil = there is no authority
}

// names are the entries, which are replaced as a whole.
type names struct {
	of        map[string]*entry
	first     *entry // that has come; nil = none has
	firstName string
}

// missAgain is how often it is told that clients come for whom there is no certificate yet.
const missAgain = time.Minute

func (i *issued) put(name string, e *entry) {
	i.mu.Lock()
	defer i.mu.Unlock()
	next := names{of: map[string]*entry{}}
	if old := i.all.Load(); old != nil {
		next = names{maps.Clone(old.of), old.first, old.firstName}
	}
	next.of[name] = e
	if next.first == nil && len(e.shown) > 0 || next.firstName == name {
		next.first, next.firstName = e, name
	}
	i.all.Store(&next)
}

// of returns the entry of a name, or of the wildcard above it; nil = no authority is asked for it.
func (i *issued) of(name string) *entry {
	all := i.all.Load()
	if all == nil {
		return nil
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if e := all.of[name]; e != nil {
		return e
	}
	if dot := strings.IndexByte(name, '.'); dot > 0 {
		return all.of["*"+name[dot:]]
	}
	return nil
}

// any returns one that has come; nil = none has.
func (i *issued) any() *entry {
	if all := i.all.Load(); all != nil {
		return all.first
	}
	return nil
}

// tell tells that there is none for a name, once in a while.
func (i *issued) tell(name string, now time.Time) {
	last := i.missed.Load()
	if i.miss != nil && now.UnixNano()-last > int64(missAgain) && i.missed.CompareAndSwap(last, now.UnixNano()) {
		i.miss(name)
	}
}

// Issuance is how certificates come that no file has.
type Issuance struct {
	Names []string                                    // that they come for, with Issue
	Miss  func(name string)                           // is told, at most once a minute, of a client for whom there is none yet
	Prove func(name string) (*tls.Certificate, error) // what an authority is shown as a proof (RFC 8737)
}

// Await has the names that certificates come for be others. What has come for those that stay is shown as before.
func (s *Store) Await(expected []string) {
	i := &s.issued
	i.mu.Lock()
	defer i.mu.Unlock()
	old, next := i.all.Load(), names{of: map[string]*entry{}}
	for _, name := range expected {
		e := &entry{}
		if old != nil && old.of[name] != nil {
			e = old.of[name]
		}
		if next.of[name] = e; next.first == nil && len(e.shown) > 0 {
			next.first, next.firstName = e, name
		}
	}
	i.all.Store(&next)
}

// Expect has clients wait for certificates that are to come: until one is there, who asks for its name is shown the
// server's, or none. It is called before anybody is served.
func (s *Store) Expect(i Issuance) {
	s.issued.miss, s.issued.prove = i.Miss, i.Prove
	for _, name := range i.Names {
		s.issued.put(name, &entry{})
	}
}

// Issue has a certificate shown for a name from now on.
func (s *Store) Issue(name string, c *tls.Certificate) {
	shown := []tls.Certificate{*c}
	s.issued.put(name, &entry{shown: shown, names: namesOf(shown)})
}

// acmeTLS is the protocol by which an authority asks for a proof, and nothing else (RFC 8737 section 6.2).
const acmeTLS = "acme-tls/1"

// proof is how TLS is spoken with an authority that wants a proof; nil = this client is none.
func (i *issued) proof(hello *tls.ClientHelloInfo) *tls.Config {
	if i.prove == nil || !slices.Equal(hello.SupportedProtos, []string{acmeTLS}) {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{acmeTLS},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return i.prove(strings.ToLower(hello.ServerName))
		},
	}
}
