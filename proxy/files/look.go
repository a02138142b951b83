package files

import (
	"bytes"
	"slices"

	"purser/pool"
)

// A look is what was found at one time. Its folders are closed once another has taken its place; who
// finds one closed asks for the present look.
type look struct {
	releases []pool.Release // as the group returned them
	folders  []*folder      // newest first, of those releases that have one
	pages    *folder        // that of the newest release, whose pages answer: older ones may be out of date; nil = it has none
	at       int64          // on the clock of the configuration
	number   uint64         // of the looks that there were, this is the last
	config   *Config
}

// fits reports whether the look was at these releases.
func (l *look) fits(releases []pool.Release) bool {
	return l != nil && len(l.releases) == len(releases) && (len(releases) == 0 || &l.releases[0] == &releases[0])
}

func (l *look) folder(release string) *folder {
	if l != nil {
		for _, f := range l.folders {
			if f.release == release {
				return f
			}
		}
	}
	return nil
}

// next is the number of the look after this one.
func (l *look) next() uint64 {
	if l == nil {
		return 1
	}
	return l.number + 1
}

// closeBut reports whether there was any other.
func (l *look) closeBut(kept []*folder) (closed bool) {
	if l == nil {
		return false
	}
	for _, f := range l.folders {
		if !slices.Contains(kept, f) {
			f.close()
			closed = true
		}
	}
	return closed
}

const (
	page  = ".html"
	index = "index.html"
)

// knows reports whether anything can be found below a name, or as its page, by what lies directly in the folders. Most
// requests end here.
func (l *look) knows(name []byte) bool {
	first, _, deeper := bytes.Cut(name, []byte("/"))
	for _, f := range l.folders {
		if f.has(first) {
			return true
		}
	}
	return !deeper && l.pages != nil && l.pages.hasPage(name)
}

// open opens the file of that name. Where there is none it may be a page that the app has stored, as
// Passenger's users know it: NAME.html, or NAME/index.html for NAME/.
func (l *look) open(name []byte) (*opened, error) {
	asFile := len(name) > 0 && name[len(name)-1] != '/'
	for _, f := range l.folders {
		if asFile {
			if o, err := f.openAll(name, l.config); o != nil || err != nil {
				return o, err
			}
		}
		if f != l.pages {
			continue
		}
		var scratch [256]byte
		if o, err := f.openAll(append(append(scratch[:0], name...), PageOf(name)...), l.config); o != nil || err != nil {
			return o, err
		}
	}
	return nil, nil
}

// PageOf is what the name of the page that may answer for a path or a name has behind that, if there is no such file.
func PageOf(path []byte) string {
	if len(path) == 0 || path[len(path)-1] == '/' {
		return index
	}
	return page
}

// isFolder reports whether NAME/ would be answered where NAME is not.
func (l *look) isFolder(name []byte) (bool, error) {
	if l.pages == nil || len(name) == 0 || name[len(name)-1] == '/' {
		return false, nil
	}
	var scratch [256]byte
	found, err := l.pages.open(append(append(scratch[:0], name...), "/"+index...))
	if found == nil {
		return false, err
	}
	found.close()
	return true, nil
}
