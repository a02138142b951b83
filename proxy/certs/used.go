package certs

import (
	"fmt"
	"maps"
	"os"
	"time"
)

// Files are what files held, by their paths.
type Files map[string][]byte

// read is os.ReadFile of what they held.
func (f Files) read(path string) ([]byte, error) {
	text, found := f[path]
	if !found {
		return nil, fmt.Errorf("it is not known what was in %s: %w", path, os.ErrNotExist)
	}
	return text, nil
}

// noting is from, and notes what it has read.
func (f Files) noting(from reader) reader {
	return func(path string) ([]byte, error) {
		text, err := from(path)
		if err == nil {
			f[path] = text
		}
		return text, err
	}
}

// A reader returns what is in a file.
type reader func(path string) ([]byte, error)

// Used is what the files held by which the store goes. It has private keys in it.
func (s *Store) Used() Files {
	all := Files{}
	for _, e := range s.book.Load().entries {
		maps.Copy(all, e.text)
	}
	return all
}

// resume reads an entry whose files are as they were used before, if they cannot be used as they are now.
func (e *entry) resume(now time.Time, used Files) ([]Warning, error) {
	warnings, wrong := e.read(now, readFile)
	if wrong == nil {
		return warnings, nil
	}
	warnings, err := e.read(now, used.read)
	if err != nil {
		return nil, wrong
	}
	e.wrong = wrong.Error()
	return append(warnings, Warning{App: e.App, Text: e.wrong + "; what was used before stays"}), nil
}
