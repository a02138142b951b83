package proxy

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"purser/conf"
	"purser/pool"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// An accel is what an app may name in the place of its answers: paths in X-Accel-Redirect, files in X-Sendfile. A folder
// below the app's root is that of each of its releases.
type accel struct {
	app     conf.App
	group   *pool.Group
	inner   []string // what X-Accel-Redirect may name, the longest first
	offered atomic.Pointer[offer]
	store   files.Store
}

// An offer is how the app is told of it, for some releases.
type offer struct {
	releases []pool.Release
	lines    []byte
}

var (
	// errSendfile refuses what an app must not be left to believe was done.
	errSendfile = errors.New("the app wants another file or path sent in the place of its answer (X-Accel-Redirect, X-Sendfile, X-Lighttpd-Send-File or " +
		"X-Reproxy-URL), which purser does not do for it")
	errNoFile = errors.New("the app wants a file sent in the place of its answer that cannot be sent")
)

// newAccel returns nil for an app that may name nothing.
func newAccel(app conf.App, group *pool.Group, owner files.Owner) *accel {
	if len(app.Accel) == 0 && len(app.Sendfile) == 0 {
		return nil
	}
	a := &accel{app: app, group: group, store: files.Store{User: userOf(app), Owner: owner}}
	a.inner = slices.SortedFunc(maps.Keys(app.Accel), func(a, b string) int { return len(b) - len(a) })
	return a
}

// offer are the header lines by which the app is told. Rack::Sendfile takes the first folder of the mapping that a file
// is in.
func (a *accel) offer() []byte {
	releases := a.group.Releases()
	if o := a.offered.Load(); o != nil && sameReleases(o.releases, releases) {
		return o.lines
	}
	o := &offer{releases: releases}
	if len(a.inner) == 0 {
		o.lines = wire.AppendField(nil, sendfileType, []byte("X-Sendfile"))
	} else {
		o.lines = wire.AppendField(nil, sendfileType, []byte("X-Accel-Redirect"))
		o.lines = wire.AppendField(o.lines, accelMapping, a.mapping(releases))
	}
	a.offered.Store(o)
	return o.lines
}

func sameReleases(a, b []pool.Release) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (a *accel) mapping(releases []pool.Release) []byte {
	type pair struct{ folder, inner string }
	var pairs []pair
	for _, inner := range a.inner {
		for _, folder := range a.places(a.app.Accel[inner], releases) {
			pairs = append(pairs, pair{folder, strings.TrimSuffix(inner, "/")})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return len(b.folder) - len(a.folder) })
	var b []byte
	for i, p := range pairs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "%s/=%s/", p.folder, p.inner)
	}
	return b
}

// places are where a folder is: if it is below the app's root, in each release, the newest first.
func (a *accel) places(folder string, releases []pool.Release) []string {
	places := []string{folder}
	rest, below := beneath(folder, a.app.Root)
	for _, r := range releases {
		if place := filepath.Join(r.Path, rest); below && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// beneath returns what of a path is below a folder.
func beneath(path, folder string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, strings.TrimSuffix(folder, "/"))
	return strings.TrimLeft(rest, "/"), ok && (rest == "" || rest[0] == '/')
}

// open opens the file that the app has named in a field. An app that has no accel may name none.
func (a *accel) open(named *wire.Field) (*files.File, error) {
	switch {
	case a == nil:
	case named.ID == wire.XAccelRedirect && len(a.inner) > 0:
		return a.openInner(string(named.Value), a.group.Releases())
	case named.ID == wire.XSendfile && len(a.app.Sendfile) > 0:
		return a.openAbsolute(string(named.Value), a.group.Releases())
	}
	return nil, fmt.Errorf("%w: write a table [apps.NAME.accel] for X-Accel-Redirect, or sendfile for X-Sendfile, or have the app send the file itself; "+
		"it says %s", errSendfile, named.Name)
}

// openInner opens what a path stands for that X-Accel-Redirect has.
func (a *accel) openInner(value string, releases []pool.Release) (*files.File, error) {
	name, err := innerPath(value)
	if err != nil {
		return nil, err
	}
	for _, inner := range a.inner {
		if rest, ok := beneath(name, inner); ok {
			return a.openIn(a.places(a.app.Accel[inner], releases), rest, value)
		}
	}
	return nil, fmt.Errorf("%w: no path in [apps.%s.accel] begins %q", errSendfile, a.app.Name, value)
}

// innerPath reads a value of X-Accel-Redirect as nginx does: up to a query, with all escapes decoded.
func innerPath(value string) (string, error) {
	value, _, _ = strings.Cut(value, "?")
	if !strings.HasPrefix(value, "/") {
		return "", fmt.Errorf("%w: %q is no path; a location with a name (@) is none either", errSendfile, value)
	}
	name, err := url.PathUnescape(value)
	if err != nil || !isSafe(name) {
		return "", fmt.Errorf("%w: %q has a step back, a NUL or a bad escape in it", errNoFile, value)
	}
	return name, nil
}

func isSafe(name string) bool {
	return !strings.ContainsRune(name, 0) && !slices.Contains(strings.Split(name, "/"), "..")
}

// openAbsolute opens a file by the path that X-Sendfile has, which is not escaped.
func (a *accel) openAbsolute(value string, releases []pool.Release) (*files.File, error) {
	if !filepath.IsAbs(value) || !isSafe(value) {
		return nil, fmt.Errorf("%w: %q is no absolute path, or has a step back in it", errNoFile, value)
	}
	for _, folder := range a.app.Sendfile {
		for _, place := range a.places(folder, releases) {
			if rest, ok := beneath(value, place); ok {
				return a.openIn([]string{place}, rest, value)
			}
		}
	}
	return nil, fmt.Errorf("%w: %q is in no folder of sendfile", errNoFile, value)
}

// openIn opens a file in the first of some folders that has it.
func (a *accel) openIn(folders []string, name, value string) (*files.File, error) {
	for _, folder := range folders {
		store := a.store
		store.Path = folder
		if f, err := store.Open(name); f != nil || err != nil {
			return f, err
		}
	}
	return nil, fmt.Errorf("%w: %q is no regular file that the app's user may read in %s", errNoFile, value, strings.Join(folders, " or "))
}
