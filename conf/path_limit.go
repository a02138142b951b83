package conf

import (
	"strconv"
	"strings"
)

// A PathLimit is one of [[apps.NAME.limits]]: what requests for some paths may ask for.
type PathLimit struct {
	Path    string // it and what is below it; or, with "*" at the end, all that begins so; default "/"
	Rate    Rate   // of requests by one client; default any
	Burst   int    // so many may come at once; 0 = as many as Rate counts, the default
	By      string // what is counted apart: address | address+path; default address
	MaxBody Number // instead of the app's, where no longer path has one; not set = as the app
}

var counteds = []string{"address", "address+path"}

func limitsSection() section {
	fresh := func() PathLimit { return PathLimit{Path: "/", By: counteds[0]} }
	s := aList("limits", func(a *App) *[]PathLimit { return &a.PathLimits }, fresh, pathLimitSchema, (*PathLimit).check, nil)
	each := s.check
	s.check = func(a *App, t table) {
		each(a, t)
		a.checkLimitedPaths(t)
	}
	return s
}

// checkLimitedPaths refuses limits that no request would ever meet. A path may have several rates, but one max_body.
func (a *App) checkLimitedPaths(t table) {
	sized := map[string]bool{}
	for i, l := range a.PathLimits {
		t.in(strconv.Itoa(i+1)).require(!l.MaxBody.Set || !sized[l.Path], "max_body", "is said twice of the path %s", described(l.Path))
		sized[l.Path] = sized[l.Path] || l.MaxBody.Set
		stem := strings.TrimSuffix(strings.TrimSuffix(l.Path, "*"), "/")
		t.in(strconv.Itoa(i+1)).require(a.Path == "/" || stem == "" || stem == a.Path || strings.HasPrefix(stem, a.Path+"/"), "path",
			`must be "/" or below the app's path, which is %s, not %s`, described(a.Path), described(l.Path))
	}
}

var pathLimitSchema = schema[PathLimit]{
	fields: []field[PathLimit]{
		at("path", func(l *PathLimit) *string { return &l.Path }, pathForm),
		at("rate", func(l *PathLimit) *Rate { return &l.Rate }, rateForm),
		at("burst", func(l *PathLimit) *int { return &l.Burst }, countForm),
		at("by", func(l *PathLimit) *string { return &l.By }, textForm),
		at("max_body", func(l *PathLimit) *Number { return &l.MaxBody }, ownSizeForm),
	},
}

// ownSizeForm is that of a size which may be left to another key.
var ownSizeForm = form[Number]{ownSize, formatSizeLimit}

func ownSize(v any) (Number, error) {
	if v == "" {
		return Number{}, nil
	}
	n, err := sizeForm.parse(v)
	return Number{err == nil, n}, err
}

func (l *PathLimit) check(t table) {
	switch stem, open := strings.CutSuffix(l.Path, "*"); {
	case strings.Contains(stem, "*"):
		t.require(false, "path", `may have "*" at its end, and nowhere else, not as in %s`, described(l.Path))
	case !open:
		t.accept("path", checkPath(l.Path))
	case stem != "/":
		t.accept("path", checkPath(strings.TrimSuffix(stem, "/")))
	}
	t.require(l.Rate.Count > 0 || l.MaxBody.Set, "rate", `must be a rate such as "10/s", or max_body must be given`)
	t.count("burst", l.Burst, 0)
	t.require(l.Burst <= maxRate, "burst", "must be a number from 0 to %d", maxRate)
	t.require(l.Rate.Count > 0 || l.Burst == 0, "burst", "needs rate")
	t.oneOf("by", l.By, counteds)
}
