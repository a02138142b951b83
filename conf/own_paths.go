package conf

import (
	"strconv"
	"strings"
)

// checkOwnPaths refuses paths that no request of an app below a path ever has: what is to keep somebody out would let
// everybody in.
func (a *App) checkOwnPaths(t table) {
	const beyond = `must be below the app's path, which is %s, not %s`
	for _, path := range a.Access.Paths {
		t.in("access").require(a.mayBegin(path), "paths", beyond, described(a.Path), described(path))
	}
	for i := range a.Redirects {
		from := a.Redirects[i].From
		before, _, open := strings.Cut(from, "*")
		t.in("redirects").in(strconv.Itoa(i+1)).require(a.has(before) || open && a.mayBegin(before), "from", beyond, described(a.Path), described(from))
	}
	for i, b := range a.Buffering {
		t.in("buffering").in(strconv.Itoa(i+1)).require(b.Path == "/" || a.has(b.Path), "path", beyond, described(a.Path), described(b.Path))
	}
}

// mayBegin reports whether a path of the app may begin so.
func (a *App) mayBegin(beginning string) bool {
	return strings.HasPrefix(a.Path, beginning) || a.has(beginning)
}
