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
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/pool"
	"purser/proxy/wire"
)

// lookAgain is how old what is known of the public folders may be. A file that appears directly below
// one is served after that time at the latest; so is one further down that lies open under its old name, or has taken
// the place of another by a folder that was renamed. Whatever else changes is seen at once.
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

	MaxAge        time.Duration // clients may keep a file for so long; 0 = nothing is said of that
	Fingerprinted bool          // one whose name changes with its content, for ever
	Precompressed bool          // what lies compressed next to a file is sent to who takes that
	Allowance     *Allowance    // for what lies open from one request to the next; nil = nothing does
}

// A Public is the static files of one app.
type Public struct {
	config Config

	now     atomic.Pointer[look]
	looking sync.Mutex // held by who takes another look
	closed  bool       // guarded by looking
	cache   cache
	wall    func() time.Time
}

// New returns the static files of an app. Close must be called at the end.
func New(c Config) *Public {
	p := &Public{config: c, wall: time.Now}
	p.cache.init(c.Allowance)
	return p
}

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
	if r.ReviewPath {
		return p.openReviewed(l, r)
	}
	return p.seek(l, nameBelow(p.config.Path, r.Path), r)
}

func (p *Public) openReviewed(l *look, r *wire.Request) (*File, error) {
	var scratch [256]byte
	name, ok := reviewedName(scratch[:0], r.Path, p.config.Path)
	if !ok {
		return nil, nil
	}
	return p.seek(l, name, r)
}

// seek finds the file of a name, in this look or one of those after it.
func (p *Public) seek(l *look, name []byte, r *wire.Request) (*File, error) {
	for range 3 { // a look may be replaced while it is used; hardly twice
		f, err := p.find(l, name, r)
		if err == nil || !closedMeanwhile(err) {
			return f, err
		}
		if l = p.look(); l == nil || len(l.folders) == 0 {
			break
		}
	}
	return nil, nil
}

// find returns what lies open, if it is what the name has led to since the last look, and has not changed.
func (p *Public) find(l *look, name []byte, r *wire.Request) (*File, error) {
	o := p.cache.get(name)
	if o == nil {
		return p.open(l, name, r)
	}
	if o.seen.Load() == l.number {
		if f := o.choose(r); o.stillIs(f) {
			return f, nil
		}
		p.cache.remove(name, o)
	}
	defer o.release()
	return p.open(l, name, r)
}

// open looks a file up. What lies open is gone on with if it is the same.
func (p *Public) open(l *look, name []byte, r *wire.Request) (*File, error) {
	if !l.knows(name) {
		return nil, nil
	}
	o, err := l.open(name)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return p.redirected(l, name, r)
	}
	if before := p.cache.get(name); before != nil {
		if before.same(o) && before.isLoaded() {
			o.release()
			before.seen.Store(l.number)
			return before.choose(r), nil
		}
		before.release()
	}
	o.seen.Store(l.number)
	if p.cache.admit(name, o) {
		o.load(p.wall())
		p.cache.put(name, o)
	}
	return o.choose(r), nil
}

// redirected returns the word that a name is a folder's, or nil.
func (p *Public) redirected(l *look, name []byte, r *wire.Request) (*File, error) {
	if is, err := l.isFolder(name); !is || err != nil {
		return nil, err
	}
	to := url.URL{Path: strings.TrimSuffix(p.config.Path, "/") + "/" + string(name) + "/"}
	return redirect(append([]byte(to.EscapedPath()), r.Target[len(r.Path):]...)), nil
}

// Close ends the use of the folders.
func (p *Public) Close() {
	p.looking.Lock()
	defer p.looking.Unlock()
	p.closed = true
	p.now.Swap(nil).closeBut(nil)
	p.cache.close()
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
	next := &look{releases: p.config.Releases(), at: p.config.Now(), config: &p.config, number: before.next()}
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
	if len(next.releases) > 0 {
		next.pages = next.folder(next.releases[0].Path)
	}
	p.now.Store(next)
	if before.closeBut(next.folders) {
		p.cache.dropAll(func(o *opened) bool { return !slices.Contains(next.folders, o.folder) })
	}
	return next
}
