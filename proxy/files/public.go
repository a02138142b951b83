// Package files is the static files of an app: what lies below the public folder of its releases, and
// what of a file answers a request (RFC 9110 sections 13 and 14). It knows nothing of connections:
// whoever answers writes what is found here.
//
// The newest release that serves is looked into first, then the older ones that live, so that the
// assets of a page that was made before a restart can be had after it. Nothing outside the folder is
// served but by a link that lies directly in it, and nothing hidden but what is below /.well-known.
// Where purser runs as root, nothing is served that the owner of the app may not read.
//
// A request that no file can answer costs no system call: the names directly below the folders are
// known.
package files

import (
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

// Config is what a Public is made of. All of it but StartupFile, User and Owner is needed.
type Config struct {
	Releases    func() []pool.Release // newest first; the same slice for as long as nothing has changed
	Folder      string                // of static files, relative to a release, e.g. "public"
	Path        string                // sub-URI of the app; "/" = none
	StartupFile string                // of the app, relative to a release; "" = none
	User        *User                 // that the app runs as; nil = purser's own
	Now         func() int64          // nanoseconds on a clock that never goes back; may be coarse
	Log         hclog.Logger
	Owner       Owner // opens what purser itself may not; nil = nobody does
}

// A Public is the static files of one app.
type Public struct {
	config Config

	now     atomic.Pointer[look]
	looking sync.Mutex // held by who takes another look
	closed  bool       // guarded by looking
}

// New returns the static files of an app. Close must be called at the end.
func New(c Config) *Public { return &Public{config: c} }

// Open returns the file that answers a request, or nil if none does. An error means that none can be
// opened at all. The request must have no body.
func (p *Public) Open(r *wire.Request) (*File, error) {
	if string(r.Method) != "GET" && !r.IsHead() || r.WebSocketKey != nil {
		return nil, nil
	}
	l := p.look()
	if l == nil || len(l.folders) == 0 {
		return nil, nil
	}
	var scratch [256]byte
	name, ok := fileName(scratch[:0], r, p.config.Path)
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

// Close ends the use of the folders.
func (p *Public) Close() {
	p.looking.Lock()
	defer p.looking.Unlock()
	p.closed = true
	p.now.Swap(nil).closeBut(nil)
}

// look returns what is known of the folders, after another look if one is due. One request takes it.
// Those that find other releases than they know wait for it and use what it found; the rest goes on
// with what there is.
func (p *Public) look() *look {
	l := p.now.Load()
	switch fits := l.fits(p.config.Releases()); {
	case !fits:
		p.looking.Lock()
	case !p.due(l) || !p.looking.TryLock():
		return l
	}
	defer p.looking.Unlock()
	if p.closed {
		return nil
	}
	if l = p.now.Load(); l.fits(p.config.Releases()) && !p.due(l) {
		return l // somebody has looked meanwhile
	}
	return p.lookAnew()
}

func (p *Public) due(l *look) bool { return p.config.Now()-l.at >= int64(lookAgain) }

// lookAnew keeps the folders that are as they were, opens the others and closes those of releases that
// are gone. It is called with looking held.
func (p *Public) lookAnew() *look {
	before := p.now.Load()
	next := &look{releases: p.config.Releases(), at: p.config.Now()}
	for _, r := range next.releases {
		if next.folder(r.Path) != nil {
			continue // restarted where it is
		}
		f := before.folder(r.Path)
		if f != nil && f.unchanged(&p.config) {
			f.forget()
		} else {
			f = openFolder(r.Path, &p.config)
		}
		if f != nil {
			next.folders = append(next.folders, f)
		}
	}
	p.now.Store(next)
	before.closeBut(next.folders)
	return next
}
