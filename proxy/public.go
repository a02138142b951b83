package proxy

import (
	"bytes"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/proxy/wire"
)

// lookAgain is how old what is known of the public folders may be. A file that appears directly below
// one is served after that time at the latest; what changes further down, at once.
const lookAgain = time.Second

// A public is the static files of an app: what lies below the folder public of its releases. The
// newest release that serves is looked into first, then the older ones that live, so that the assets of
// a page that was made before a restart can be had after it.
//
// A request that no file can answer costs no system call: the names directly below the folders are
// known.
type public struct {
	group *pool.Group
	name  string // of the folder, relative to a release
	path  string // sub-URI of the app
	clock *clock
	log   hclog.Logger

	now     atomic.Pointer[look]
	looking sync.Mutex // held by who takes another look
	closed  bool       // guarded by looking
}

// A look is what was found at one time. Its folders are closed once another has taken its place; who
// finds one closed asks for the present look.
type look struct {
	releases []pool.Release // as the group returned them
	folders  []*folder      // newest first, of those releases that have one
	at       atomic.Int64   // on the server's clock
}

// A file is a static file, opened.
type file struct {
	*os.File
	name     string // for its type
	size     int64
	modified time.Time
}

// open returns the file that answers a request, or nil if none does. An error means that none can be
// opened at all.
func (p *public) open(r *wire.Request) (*file, error) {
	if string(r.Method) != "GET" && !r.IsHead() || r.WebSocketKey != nil {
		return nil, nil
	}
	l := p.look()
	if l == nil || len(l.folders) == 0 {
		return nil, nil
	}
	var scratch [256]byte
	name, ok := p.fileName(scratch[:0], r)
	if !ok {
		return nil, nil
	}
	for range 3 { // a look may be replaced while it is used; hardly twice
		f, err := l.open(name)
		if err == nil || !closedMeanwhile(err) {
			return f, err
		}
		if l = p.look(); l == nil {
			break
		}
	}
	return nil, nil
}

// fileName turns a request's path into a name below the folder: decoded, without "." and "..". It
// reports false for what is never served: hidden files other than those below /.well-known (RFC 8615),
// and names that no file can have.
func (p *public) fileName(dst []byte, r *wire.Request) (name []byte, ok bool) {
	path := r.Path
	if r.ReviewPath {
		var err error
		if path, err = wire.NormalPath(dst, path); err != nil {
			return nil, false
		}
		if path, ok = decodeName(path); !ok {
			return nil, false
		}
	}
	if p.path != "/" {
		path = path[len(p.path):]
	}
	name = bytes.TrimPrefix(path, []byte("/"))
	return name, !r.ReviewPath || !hidden(name)
}

// decodeName decodes, in place, the escapes that a normal path has left. An escaped "/" or NUL is no
// part of any name.
func decodeName(path []byte) ([]byte, bool) {
	out := path[:0]
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if c = wire.Unescape(path[i+1], path[i+2]); c == '/' || c == 0 {
				return nil, false
			}
			i += 2
		}
		out = append(out, c)
	}
	return out, true
}

// hidden reports whether a part of name begins with a dot.
func hidden(name []byte) bool {
	for rest, first, more := name, true, true; more; first = false {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte("/"))
		if len(part) > 0 && part[0] == '.' && !(first && string(part) == ".well-known") {
			return true
		}
	}
	return false
}

// look returns what is known of the folders, after another look if it is due.
func (p *public) look() *look {
	l, releases := p.now.Load(), p.group.Releases()
	switch changed := l == nil || !sameSlice(l.releases, releases); {
	case changed:
		p.looking.Lock()
	case p.clock.now()-l.at.Load() < int64(lookAgain) || !p.looking.TryLock():
		return l
	}
	defer p.looking.Unlock()
	if p.closed {
		return nil
	}
	return p.lookAnew()
}

func sameSlice(a, b []pool.Release) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// lookAnew keeps the folders that are as they were, opens the others and closes those of releases that
// are gone. It is called with looking held.
func (p *public) lookAnew() *look {
	before := p.now.Load()
	next := &look{releases: p.group.Releases()}
	next.at.Store(p.clock.now())
	for _, r := range next.releases {
		if next.folder(r.Path) != nil {
			continue // restarted where it is
		}
		f := before.folder(r.Path)
		if f == nil || !f.unchanged() {
			f = openFolder(r.Path, p.name, p.log)
		}
		if f != nil {
			next.folders = append(next.folders, f)
		}
	}
	p.now.Store(next)
	before.closeBut(next.folders)
	return next
}

// close ends the use of the folders.
func (p *public) close() {
	p.looking.Lock()
	defer p.looking.Unlock()
	p.closed = true
	p.now.Swap(nil).closeBut(nil)
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
func (l *look) open(name []byte) (*file, error) {
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
