package conf

import (
	"path"
	"strings"
	"time"
)

// Static is one [[apps.NAME.static]]: a further folder with files for everybody.
type Static struct {
	Path   string        // below the app's own, begins with "/", no trailing slash
	Folder string        // absolute, or relative to a release
	MaxAge time.Duration // how long browsers may keep them without asking; default 0 = nothing is said
}

var staticSchema = schema[Static]{
	fields: []field[Static]{
		at("path", func(s *Static) *string { return &s.Path }, pathForm),
		at("folder", func(s *Static) *string { return &s.Folder }, folderForm),
		at("max_age", func(s *Static) *time.Duration { return &s.MaxAge }, durationForm),
	},
}

var staticSection = aList("static", func(a *App) *[]Static { return &a.Static }, func() Static { return Static{} }, staticSchema, (*Static).check, nil)

func (s *Static) check(t table) {
	t.require(isPlainPath(s.Path) && s.Path != "/", "path", `must begin with "/", as in "/downloads/", and be plain: without "%%", "*", "//" and "..", not %s`, described(s.Path))
	t.require(isInside(s.Folder) || isElsewhere(s.Folder), "folder", "must be a folder inside root, relative to it, or an absolute path, not %s", described(s.Folder))
	t.require(s.MaxAge == 0 || time.Second <= s.MaxAge && s.MaxAge <= maxDuration, "max_age", `must be "0" (nothing is said) or a duration from "1s" to "8760h"`)
}

// checkStaticPaths refuses one path for two folders.
func (a *App) checkStaticPaths(t table) {
	taken := map[string]bool{}
	for _, s := range a.Static {
		t.require(!taken[s.Path], "static", "has the path %s twice", described(s.Path))
		taken[s.Path] = true
	}
}

// folderForm is a folder with or without its trailing slash.
var folderForm = form[string]{folder, quoted}

func folder(v any) (string, error) {
	s, err := text(v)
	return trimFolder(s), err
}

func parseFolder(s string) (string, error) { return trimFolder(s), nil }

// trimFolder leaves "a//" as it is: that is refused as it was written.
func trimFolder(s string) string {
	if len(s) > 1 && !strings.HasSuffix(s, "//") {
		return strings.TrimSuffix(s, "/")
	}
	return s
}

// isPlainPath reports whether a path of requests is written in the form in which paths are compared, with nothing in it
// that could be written in two ways.
func isPlainPath(s string) bool {
	return strings.HasPrefix(s, "/") && path.Clean(s) == s && isURLPath(s) && !strings.ContainsAny(s, `%?\*`)
}
