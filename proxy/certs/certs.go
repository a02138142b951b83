// Package certs holds the certificates that clients are shown: it reads them from their files, says what is
// wrong with them, chooses one by the name that a client asks for, and reads them again when their files
// change. What cannot be used never takes the place of what can.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Source is where the certificates of some names come from.
type Source struct {
	App      string   // whose they are; "" = the server's, for names of which no app has one
	Hosts    []string // lower case; "*.example.org" for all below it; none = what no other has
	Pairs    []Pair   // of different kinds of keys, if there are several; none = the server's are shown
	ClientCA string   // file of those that a client must have a certificate of; "" = it needs none
}

// A Pair is the files of a certificate with its chain and of its key, as PEM.
type Pair struct{ Cert, Key string }

// An entry is a source with what its files held when they could last be used.
type entry struct {
	Source
	shown []tls.Certificate   // with Leaf
	names map[string]bool     // that these are for; of "*.example.org", ".example.org"
	ca    []*x509.Certificate // of ClientCA; nil = clients need none
	text  Files               // what they were read from
	seen  []stamp             // of the files, when they were last read
	moved []stamp             // of files that have changed since, and perhaps still do; nil = none has
	wrong string              // why the files as they are now cannot be used; "" = they are
}

// A Store is all certificates. They are replaced as a whole: who reads never waits.
type Store struct {
	now    func() time.Time
	book   atomic.Pointer[book]
	config *tls.Config
	issued issued
	given  bool       // it may not read the files itself
	turn   sync.Mutex // held by who replaces the book
}

// Replace has the store go on with the sources that another has read. What was issued for names stays.
func (s *Store) Replace(by *Store) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.book.Store(newBook(by.book.Load().entries, &s.issued))
}

// Load reads all sources. Warnings are what does not keep them from being used. The error is all that does.
func Load(sources []Source, now time.Time) (*Store, []Warning, error) {
	return Resume(sources, nil, now)
}

// Resume is Load for who goes on where another store was, which used these files: they stay until they can be used as
// they are now.
func Resume(sources []Source, used Files, now time.Time) (*Store, []Warning, error) {
	return loadEach(sources, func(e *entry) ([]Warning, error) { return e.resume(now, used) })
}

// Given is Load for who may not read the files, and is given what they hold. Such a store does not read them again by
// itself, but says when that is to be done.
func Given(sources []Source, texts Files, now time.Time) (*Store, []Warning, error) {
	s, warnings, err := loadEach(sources, func(e *entry) ([]Warning, error) { return e.read(now, texts.read) })
	if err == nil {
		s.given = true
	}
	return s, warnings, err
}

func loadEach(sources []Source, read func(e *entry) ([]Warning, error)) (*Store, []Warning, error) {
	s := &Store{now: time.Now}
	var warnings []Warning
	var wrong []error
	var entries []*entry
	for _, source := range sources {
		e := &entry{Source: source}
		e.seen = stampAll(e.files())
		found, err := read(e)
		if err != nil {
			wrong = append(wrong, err)
		}
		warnings = append(warnings, found...)
		entries = append(entries, e)
	}
	if err := joined(wrong); err != nil {
		return nil, warnings, err
	}
	s.book.Store(newBook(entries, &s.issued))
	s.config = s.newConfig()
	return s, warnings, nil
}

// files are all files of the source.
func (s Source) files() []string {
	var files []string
	for _, p := range s.Pairs {
		files = append(files, p.Cert, p.Key)
	}
	if s.ClientCA != "" {
		files = append(files, s.ClientCA)
	}
	return files
}

// table is the name of the source's table in the configuration.
func (s Source) table() string {
	if s.App == "" {
		return "server.tls"
	}
	return "apps." + s.App + ".tls"
}

// read reads the files, and keeps what they hold only if all of it can be used.
func (e *entry) read(now time.Time, from reader) ([]Warning, error) {
	text := Files{}
	from = text.noting(from)
	var shown []tls.Certificate
	var warnings []Warning
	for _, pair := range e.Pairs {
		c, found, err := pair.read(from, e.Hosts, now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.table(), err)
		}
		for _, w := range found {
			warnings = append(warnings, Warning{e.App, pair.Cert, e.table() + ": " + w})
		}
		shown = append(shown, c)
	}
	ca, err := readCA(from, e.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.table(), err)
	}
	for _, age := range ages(e.ClientCA, ca, now) {
		warnings = append(warnings, Warning{e.App, e.ClientCA, e.table() + ": " + age})
	}
	e.shown, e.ca, e.names, e.text = shown, ca, namesOf(shown), text
	return warnings, nil
}
