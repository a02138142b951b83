package files

import (
	"slices"

	"purser/pool"
)

// A look is what was found at one time. Its folders are closed once another has taken its place; who
// finds one closed asks for the present look.
type look struct {
	releases []pool.Release // as the group returned them
	folders  []*folder      // newest first, of those releases that have one
	at       int64          // on the clock of the configuration
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

func (l *look) closeBut(kept []*folder) {
	if l == nil {
		return
	}
	for _, f := range l.folders {
		if !slices.Contains(kept, f) {
			f.close()
		}
	}
}

var (
	page  = []byte(".html")
	index = []byte("index.html")
)

// open opens the file of that name. Where there is none it may be a page that the app has stored, as
// Passenger's users know it: NAME.html, or NAME/index.html for NAME/; of the newest release only,
// because older ones may be out of date.
func (l *look) open(name []byte) (*File, error) {
	asFile := len(name) > 0 && name[len(name)-1] != '/'
	for i, f := range l.folders {
		if asFile {
			if opened, err := f.open(name); opened != nil || err != nil {
				return opened, err
			}
		}
		if i > 0 {
			continue
		}
		end := index
		if asFile {
			end = page
		}
		var scratch [256]byte
		if opened, err := f.open(append(append(scratch[:0], name...), end...)); opened != nil || err != nil {
			return opened, err
		}
	}
	return nil, nil
}
