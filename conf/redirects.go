package conf

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A Redirect is one [[apps.NAME.redirects]]: what is asked for elsewhere than it is. The first that matches holds.
type Redirect struct {
	From    string // a path as visitors ask for it, exactly, or with one "*" that stands for anything
	To      string // a path, or a URL; "$1" is what the "*" stood for
	Status  int    // 301 302 303 307 308; default 301
	Rewrite bool   // the app is asked for To, and the visitor does not learn of it; default false
}

var redirectSchema = schema[Redirect]{fields: []field[Redirect]{
	at("from", func(r *Redirect) *string { return &r.From }, textForm),
	at("to", func(r *Redirect) *string { return &r.To }, textForm),
	at("status", func(r *Redirect) *int { return &r.Status }, countForm),
	at("rewrite", func(r *Redirect) *bool { return &r.Rewrite }, truthForm),
}}

var redirectsSection = aList("redirects", func(a *App) *[]Redirect { return &a.Redirects }, func() Redirect { return Redirect{Status: 301} },
	redirectSchema, (*Redirect).check, nil)

// hostForm is one host, in lower case as those of hosts.
var hostForm = form[string]{
	parse: func(v any) (string, error) {
		s, err := text(v)
		return strings.ToLower(s), err
	},
	format: quoted,
}

var redirectStatuses = []int{301, 302, 303, 307, 308}

// star is what "$1" in To is replaced by.
const star = "$1"

// Match reports whether a normal path matches From, and what its "*" stands for.
func (r *Redirect) Match(path []byte) (captured []byte, ok bool) {
	before, behind, open := strings.Cut(r.From, "*")
	if !open {
		return nil, string(path) == r.From
	}
	if len(path) < len(r.From)-1 || string(path[:len(before)]) != before || string(path[len(path)-len(behind):]) != behind {
		return nil, false
	}
	return path[len(before) : len(path)-len(behind)], true
}

// IsURL reports whether To names a host.
func (r *Redirect) IsURL() bool { return !strings.HasPrefix(r.To, "/") }

func (r *Redirect) check(t table) {
	t.accept("from", checkFrom(r.From))
	t.accept("to", r.checkTo())
	t.require(slices.Contains(redirectStatuses, r.Status), "status", "must be 301, 302, 303, 307 or 308, not %d", r.Status)
	if r.Rewrite {
		t.require(r.Status == 301, "status", "is never sent: rewrite = true asks the app for another path, and the visitor does not learn of it")
		t.require(!r.IsURL() && !strings.Contains(r.To, "#"), "to", `must be a path of this app with rewrite = true, not %s`, described(r.To))
	}
}

// checkFrom accepts a path in the form in which paths are compared.
func checkFrom(s string) error {
	switch normal, err := normalPath(s); {
	case !strings.HasPrefix(s, "/"):
		return fmt.Errorf(`must be a path that begins with "/", not %s`, described(s))
	case strings.Contains(s, "?"):
		return fmt.Errorf("is compared with paths, which have no query: leave out what is behind the \"?\" in %s", described(s))
	case strings.Contains(s, "(.*)") || strings.Contains(s, "(.+)"):
		return fmt.Errorf(`is no regular expression: write "*" for what may be anything, not %s`, described(s))
	case strings.Count(s, "*") > 1:
		return fmt.Errorf(`may have one "*", not %d as %s has`, strings.Count(s, "*"), described(s))
	case err != nil:
		return err
	case normal != s:
		return fmt.Errorf("must be a path as it is compared: write %s, not %s", described(normal), described(s))
	}
	return nil
}

// normalPath is a path without what can be written in several ways, as requests are compared: letters, digits and
// "-._~" are not escaped, all others that no path may have are, and no "//", "/./" or "/../" is in it.
func normalPath(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			n, err := strconv.ParseUint(s[i+1:min(len(s), i+3)], 16, 8)
			if err != nil || i+2 >= len(s) {
				return "", fmt.Errorf(`must have two hexadecimal digits behind each "%%", as in "%%20", not %s`, described(s))
			}
			c, i = byte(n), i+2
			if !isUnreserved(c) {
				fmt.Fprintf(&b, "%%%02X", c)
				continue
			}
		}
		if c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(b.String(), "/"), "/") {
		if segment == "." || segment == ".." {
			return "", fmt.Errorf(`must not contain "." or ".." as parts of it, as %s does`, described(s))
		}
	}
	normal := b.String()
	for strings.Contains(normal, "//") {
		normal = strings.ReplaceAll(normal, "//", "/")
	}
	return normal, nil
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// checkTo accepts a path, or a URL whose host is written: what a visitor asks for never decides to which host he goes.
func (r *Redirect) checkTo() error {
	authority := ""
	if _, rest, isURL := strings.Cut(r.To, "://"); isURL && r.IsURL() {
		authority, _, _ = strings.Cut(rest, "/")
	}
	u, err := url.Parse(r.To)
	switch {
	case strings.ContainsFunc(r.To, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' }):
		return fmt.Errorf(`must be printable ASCII without spaces, quotes and "\", not %s; write other letters as escapes such as "%%C3%%A9"`, described(r.To))
	case err != nil:
		return fmt.Errorf("is no URL: %s", described(r.To))
	case !r.IsURL() && strings.HasPrefix(r.To, "//"):
		return fmt.Errorf(`must begin with one "/", or with "https://", not as %s does`, described(r.To))
	case r.IsURL() && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil):
		return fmt.Errorf(`must be a path such as "/new", or a URL such as "https://www.example.org/new", not %s`, described(r.To))
	case strings.ContainsAny(authority, "$*?#"):
		return fmt.Errorf(`must have a "/" behind the host, and no %s before that, not %s`, star, described(r.To))
	case strings.Contains(r.To, star) && !strings.Contains(r.From, "*"):
		return fmt.Errorf(`has %s, which is what the "*" of from stands for, and from has none`, star)
	case strings.Contains(strings.ReplaceAll(r.To, star, ""), "$"):
		return fmt.Errorf(`may have %s, and "$" nowhere else: write it as "%%24" in %s`, star, described(r.To))
	}
	return nil
}

// checkRedirects refuses what leads in a circle, as far as can be seen, what is never reached, and a canonical host of
// others.
func (a *App) checkRedirects(t table) {
	for i := range a.Redirects {
		r := &a.Redirects[i]
		if r.checkTo() != nil || checkFrom(r.From) != nil {
			continue
		}
		entry := t.in("redirects").in(strconv.Itoa(i + 1))
		if first := a.redirectOf([]byte(r.From)); first != r {
			entry.in("from").refuse("is never reached: an earlier one is for all that it is for, from %s; write this one before it, or leave it out", described(first.From))
			continue
		}
		if r.Rewrite {
			entry.require(a.has(r.To), "to", "must be a path of this app, below %s, not %s", a.Path, described(r.To))
			continue
		}
		entry.require(!a.circles(r), "to", "leads in a circle: what is sent to %s is sent on and never arrives", described(r.To))
	}
	t.require(a.Canonical == "" || a.serves(a.Canonical), "canonical", "must be one of hosts, not %s", described(a.Canonical))
}

// has reports whether a path is the app's.
func (a *App) has(path string) bool {
	return a.Path == "/" || strings.HasPrefix(path, a.Path) && (len(path) == len(a.Path) || strings.IndexByte("/?", path[len(a.Path)]) >= 0)
}

// serves reports whether one host is among the app's.
func (a *App) serves(host string) bool {
	return !strings.HasPrefix(host, "*") && slices.ContainsFunc(a.Hosts, func(own string) bool {
		below, wild := strings.CutPrefix(own, "*")
		return host == own || wild && strings.HasSuffix(host, below)
	})
}

// circles reports whether who is sent on by a redirect, with any word for its "*", comes by it again and again.
func (a *App) circles(r *Redirect) bool {
	path := []byte(strings.Replace(r.From, "*", "word", 1))
	if a.redirectOf(path) != r {
		return false // another takes its place, and is looked at itself
	}
	for range len(a.Redirects) + 1 {
		next := a.redirectOf(path)
		if next == nil || next.Rewrite || !a.isOwn(next) {
			return false
		}
		captured, _ := next.Match(path)
		path = next.pathOf(captured)
	}
	return true
}

// redirectOf returns the one that holds for a path. If that is the From of a redirect, it is one that holds for all that
// matches this: the "*" in it can only be matched by another.
func (a *App) redirectOf(path []byte) *Redirect {
	for i := range a.Redirects {
		if _, ok := a.Redirects[i].Match(path); ok {
			return &a.Redirects[i]
		}
	}
	return nil
}

// isOwn reports whether To is of the app itself.
func (a *App) isOwn(r *Redirect) bool {
	if !r.IsURL() {
		return a.has(r.To)
	}
	u, err := url.Parse(r.To)
	return err == nil && a.serves(strings.ToLower(u.Hostname())) && a.has(u.Path)
}

// pathOf is the path that To leads to.
func (r *Redirect) pathOf(captured []byte) []byte {
	to := r.To
	if r.IsURL() {
		_, rest, _ := strings.Cut(to, "://")
		_, path, _ := strings.Cut(rest, "/")
		to = "/" + path
	}
	to, _, _ = strings.Cut(to, "#")
	to, _, _ = strings.Cut(to, "?")
	return bytes.ReplaceAll([]byte(to), []byte(star), captured)
}
