package proxy

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"purser/conf"
	"purser/proxy/wire"
)

// routes finds the site of a request: by host, an exact one before "*.", then by the longest path
// prefix; apps without hosts take what no host claims.
type routes struct {
	only  *site // set if there is one app and it takes everything
	exact map[string][]*site
	wild  map[string][]*site // by what follows the "*"
	rest  []*site            // of apps without hosts
	all   []*site
}

var errNoApp = errors.New("no app serves this host and path")

func newRoutes(apps []conf.App, newSite func(conf.App) *site) *routes {
	r := &routes{exact: map[string][]*site{}, wild: map[string][]*site{}}
	for _, app := range apps {
		s := newSite(app)
		r.all = append(r.all, s)
		if len(app.Hosts) == 0 {
			r.rest = append(r.rest, s)
		}
		for _, h := range app.Hosts {
			if suffix, ok := strings.CutPrefix(h, "*"); ok {
				r.wild[suffix] = append(r.wild[suffix], s)
			} else {
				r.exact[h] = append(r.exact[h], s)
			}
		}
		if len(apps) == 1 && len(app.Hosts) == 0 && app.Path == "/" {
			r.only = s
		}
	}
	longestFirst(r.rest)
	for _, m := range []map[string][]*site{r.exact, r.wild} {
		for _, sites := range m {
			longestFirst(sites)
		}
	}
	return r
}

func longestFirst(sites []*site) {
	slices.SortStableFunc(sites, func(a, b *site) int { return len(b.app.Path) - len(a.app.Path) })
}

// find returns the site for a request, errNoApp, or a *wire.Error if its path means nothing.
func (r *routes) find(req *wire.Request) (*site, error) {
	var longer [256]byte
	path, err := normalPath(longer[:0], req)
	if err != nil {
		return nil, err
	}
	if r.only != nil {
		return r.only, nil
	}
	var scratch [128]byte
	host := wire.NormalHost(scratch[:0], req.Host)
	if s := byPath(r.exact[string(host)], path); s != nil {
		return s, nil
	}
	for rest := host; ; {
		dot := bytes.IndexByte(rest, '.')
		if dot < 0 {
			break
		}
		if s := byPath(r.wild[string(rest[dot:])], path); s != nil {
			return s, nil
		}
		rest = rest[dot+1:]
	}
	if s := byPath(r.rest, path); s != nil {
		return s, nil
	}
	return nil, errNoApp
}

// byPath returns the first of sites whose path is path or a folder above it.
func byPath(sites []*site, path []byte) *site {
	for _, s := range sites {
		if isBelow(path, s.app.Path) {
			return s
		}
	}
	return nil
}
