package certs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// look is how often it is looked whether files have changed. They must not have changed for as long: a
// certificate and its key are two files, which are replaced one after the other.
const look = time.Second

// remind is how often it is said again that a certificate ends.
const remind = 24 * time.Hour

// A stamp tells a file from what was there before by its name.
type stamp struct {
	modified, inode, size int64
}

// stampAll follows links: tools such as certbot replace those.
func stampAll(files []string) []stamp {
	stamps := make([]stamp, len(files)) // of a file that is not there, nothing
	for i, file := range files {
		if stat, err := os.Stat(file); err == nil {
			stamps[i] = stamp{stat.ModTime().UnixNano(), int64(stat.Sys().(*syscall.Stat_t).Ino), stat.Size()}
		}
	}
	return stamps
}

// News is what Watch tells of.
type News struct {
	Read     func(app string, files []string)            // they have changed, and are used now
	Unusable func(app string, files []string, err error) // they have changed, and what was there before goes on
	Warning  func(Warning)
	Used     func() // other files may be used now; nil = nobody is told
	Changed  func() // the files are to be given anew to a store that may not read them; required for one
}

// Watch reads again what changes, until ctx ends, and warns of certificates that end, once a day.
func (s *Store) Watch(ctx context.Context, news News) {
	t := time.NewTicker(look)
	defer t.Stop()
	warned, blind := s.now(), s.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if !s.given {
			s.look(news)
		} else if s.isToBeRead(&blind) {
			news.Changed()
		}
		if now := s.now(); now.Sub(warned) > remind {
			warned = now
			s.remind(news)
		}
	}
}

// blindLook is how often files are to be given anew to who may not even look whether they have changed.
const blindLook = 10 * time.Minute

// isToBeRead reports whether files have changed, and not since the last look; or cannot be looked at, and were not for
// long.
func (s *Store) isToBeRead(blind *time.Time) bool {
	s.turn.Lock()
	defer s.turn.Unlock()
	changed, unseen := false, false
	for _, e := range s.book.Load().entries {
		now := stampAll(e.files())
		unseen = unseen || slices.Contains(now, stamp{})
		moved := !slices.Equal(now, e.seen)
		switch {
		case !moved:
			e.moved = nil
		case slices.Equal(now, e.moved):
			changed, e.seen, e.moved = true, now, nil
		default:
			e.moved = now
		}
	}
	if now := s.now(); unseen && now.Sub(*blind) > blindLook {
		changed, *blind = true, now
	}
	return changed
}

// look looks at all files once.
func (s *Store) look(news News) {
	s.turn.Lock()
	defer s.turn.Unlock()
	old := s.book.Load()
	entries := slices.Clone(old.entries)
	changed := false
	for i, e := range entries {
		if e.settled() {
			entries[i] = e.again(s.now(), news)
			changed = true
		}
	}
	if changed {
		s.book.Store(newBook(entries, &s.issued))
		if news.Used != nil {
			news.Used()
		}
	}
}

// settled reports whether the files are to be read again: they have changed, and not since the last look, or they
// could not be used. What was in the way need not show on the files, such as the rights of a group.
func (e *entry) settled() bool {
	now := stampAll(e.files())
	if e.wrong == "" && slices.Equal(now, e.seen) {
		e.moved = nil
		return false
	}
	was := e.moved
	e.moved = now
	return slices.Equal(now, was)
}

// again returns the entry as the files are now, or as it was if they cannot be used: a certificate that is not valid
// now never takes the place of one that is.
func (e *entry) again(now time.Time, news News) *entry {
	next := &entry{Source: e.Source, shown: e.shown, names: e.names, ca: e.ca, text: e.text, seen: e.moved}
	warnings, err := next.read(now, readFile)
	if err == nil && e.valid(now) == nil {
		err = next.valid(now)
	}
	if err != nil {
		next.shown, next.names, next.ca, next.text = e.shown, e.names, e.ca, e.text
		next.moved, next.wrong = e.moved, err.Error()
		if next.wrong != e.wrong {
			news.Unusable(e.App, e.files(), err)
		}
		return next
	}
	news.Read(e.App, e.files())
	for _, w := range warnings {
		news.Warning(w)
	}
	return next
}

// valid says which certificate of the entry no client takes at this time.
func (e *entry) valid(now time.Time) error {
	for i, c := range e.shown {
		if now.Before(c.Leaf.NotBefore) || now.After(c.Leaf.NotAfter) {
			return fmt.Errorf("%s: %s", e.table(), age(e.Pairs[i].Cert, c.Leaf, now))
		}
	}
	return nil
}

// remind warns of what ends.
func (s *Store) remind(news News) {
	for _, e := range s.book.Load().entries {
		for i, c := range e.shown {
			if age := age(e.Pairs[i].Cert, c.Leaf, s.now()); age != "" {
				news.Warning(Warning{e.App, e.Pairs[i].Cert, e.table() + ": " + age})
			}
		}
		for _, age := range ages(e.ClientCA, e.ca, s.now()) {
			news.Warning(Warning{e.App, e.ClientCA, e.table() + ": " + age})
		}
	}
}
