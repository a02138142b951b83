package proxy

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"purser/conf"
	"purser/pool"
)

// pages are the files that an app has in place of purser's own pages. They are read when they are needed, from the newest
// release that has them, and kept for a moment: who changes one sees it soon, and a server in trouble reads few.
type pages struct {
	byName   map[string]*ownPage // never changes
	byStatus *conf.Pages
	read     func(release, name string) ([]byte, error)
	releases func() []pool.Release
	root     []pool.Release // as it is configured
	now      func() int64
	log      hclog.Logger
}

// An ownPage is one of them.
type ownPage struct {
	name     string
	fleeting bool // it may not be there, and what comes is found where the app's root leads to, whatever serves
	kept     atomic.Pointer[keptPage]
	reading  atomic.Bool // somebody reads it anew, and the others go on with what there is
}

// A keptPage is what was in a file, nil if it could not be read.
type keptPage struct {
	newest pool.Release
	text   []byte
	at     int64
	why    string // it could not be read
}

// pageAge is how old what is known of a file may be.
const pageAge = time.Second

// newPages returns nil for an app that has none.
func newPages(app *conf.App, read func(app conf.App, release, name string) ([]byte, error), releases func() []pool.Release, now func() int64, log hclog.Logger) *pages {
	if read == nil {
		return nil
	}
	all := &pages{byName: map[string]*ownPage{}, byStatus: &app.Pages, releases: releases, root: []pool.Release{{Path: app.Root}}, now: now, log: log}
	all.read = func(release, name string) ([]byte, error) { return read(*app, release, name) }
	for _, name := range app.PageFiles() {
		all.byName[name] = &ownPage{name: name, fleeting: name == app.Maintenance.File}
	}
	return all
}

// pageOf is what is shown of a failure. Who develops the app is shown why it failed.
func (x *exchange) pageOf(f failure, err error) page {
	p := page{failure: f, details: x.site.details(err), id: x.origin.requestID()}
	if x.site == nil || p.details != "" && x.site.app.Environment == "development" {
		return p
	}
	if errors.Is(err, errMaintenance) {
		x.site.maintained(&p)
	}
	if p.own == nil {
		p.own = x.site.pages.of(f.status)
	}
	return p
}

// of is the page for a status, nil if there is none.
func (p *pages) of(status int) []byte {
	if p == nil {
		return nil
	}
	return p.named(p.byStatus.Of(status))
}

// named is what is in a file, nil if it is none, or cannot be read.
func (p *pages) named(name string) []byte {
	if p == nil || p.byName[name] == nil {
		return nil
	}
	page, releases := p.byName[name], p.releases()
	if len(releases) == 0 {
		releases = p.root
	}
	kept := page.kept.Load()
	if kept == nil || kept.newest != releases[0] {
		return p.readAnew(page, releases)
	}
	if p.now()-kept.at >= int64(pageAge) && page.reading.CompareAndSwap(false, true) {
		defer page.reading.Store(false)
		return p.readAnew(page, releases)
	}
	return kept.text
}

// readAnew reads a page, and says if it cannot be read, once for each reason.
func (p *pages) readAnew(page *ownPage, releases []pool.Release) []byte {
	next := &keptPage{newest: releases[0], at: p.now()}
	if page.fleeting {
		releases = slices.Concat(p.root, releases)
	}
	for _, r := range releases {
		text, err := p.read(r.Path, page.name)
		if err == nil {
			next.text, next.why = text, ""
			break
		}
		if next.why == "" {
			next.why = fmt.Sprint(err)
		}
	}
	before := page.kept.Swap(next)
	if next.why != "" && !page.fleeting && (before == nil || before.why != next.why) {
		p.log.Warn("a page of the app cannot be read, so visitors see purser's own", "page", page.name, "error", next.why)
	}
	return next.text
}
