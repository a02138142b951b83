package proxy

import (
	"bytes"
	"strings"

	"purser/conf"
	"purser/proxy/wire"
)

// canonical sends who asks for another of the app's hosts to the one that it is to be known by. RFC 9110 section 15.4.2:
// a 301 may turn a POST into a GET, so what has a method that says more gets a 308.
func canonical(x *exchange) *reply {
	to := x.site.canonical
	var scratch [128]byte
	if string(wire.NormalHost(scratch[:0], x.origin.forwardedHost())) == to || x.asksForChallenge() {
		return nil
	}
	scheme, port, usual := schemeHTTP, x.origin.port(), portHTTP
	if x.origin.secure() {
		scheme, usual = schemeHTTPS, portHTTPS
	}
	location := append([]byte(nil), scheme...)
	location = append(append(location, "://"...), to...)
	if !bytes.Equal(port, usual) {
		location = append(append(location, ':'), port...)
	}
	status := 308
	if string(x.req.Method) == "GET" || x.req.IsHead() {
		status = 301
	}
	return x.sentTo(status, append(location, x.req.Target...), "canonical")
}

// sentTo is the reply that sends a visitor elsewhere. It names the key that says so: an app redirects, too, and who looks
// for the one that leads in a circle sees the answer first.
func (x *exchange) sentTo(status int, location []byte, key string) *reply {
	r := &x.reply
	r.begin(status)
	r.add("Location", string(location))
	r.add("Purser-Redirect", key)
	r.length = 0
	return r
}

// redirects are those of an app. nil = it has none.
type redirects struct {
	rules    []rule
	exact    map[string]int // the first of each path
	patterns []int          // those with a "*"
}

// A rule is one redirect, its To in parts.
type rule struct {
	conf.Redirect
	path, query, fragment string // with what stands before each; "" = it has none
}

func newRedirects(all []conf.Redirect) *redirects {
	if len(all) == 0 {
		return nil
	}
	r := &redirects{exact: map[string]int{}}
	for i, one := range all {
		next := rule{Redirect: one, path: one.To}
		if at := strings.IndexByte(next.path, '#'); at >= 0 {
			next.path, next.fragment = next.path[:at], next.path[at:]
		}
		if at := strings.IndexByte(next.path, '?'); at >= 0 {
			next.path, next.query = next.path[:at], next.path[at:]
		}
		r.rules = append(r.rules, next)
		if _, there := r.exact[one.From]; strings.Contains(one.From, "*") {
			r.patterns = append(r.patterns, i)
		} else if !there {
			r.exact[one.From] = i
		}
	}
	return r
}

// find returns the first rule for a normal path, and what its "*" stands for; nil = there is none.
func (r *redirects) find(path []byte) (found *rule, captured []byte) {
	first, there := r.exact[string(path)]
	if !there {
		first = len(r.rules)
	}
	for _, i := range r.patterns {
		if i > first {
			break
		}
		if captured, ok := r.rules[i].Match(path); ok {
			return &r.rules[i], captured
		}
	}
	if !there {
		return nil, nil
	}
	return &r.rules[first], nil
}

// redirected answers what the app's redirects send elsewhere. What is rewritten goes on as if the visitor had asked for
// that, but for the log; who may not see it is refused.
func redirected(x *exchange) (*reply, error) {
	var scratch [256]byte
	path, err := normalPath(scratch[:0], x.req)
	if err != nil {
		return nil, err
	}
	found, captured := x.site.redirects.find(path)
	switch {
	case found == nil:
		return nil, nil
	case !found.Rewrite:
		location := found.target(captured, queryOf(x.req))
		return x.sentTo(found.Status, expand(location, found.fragment, captured, inPath), "redirects"), nil
	}
	if err := x.rewrite(found.target(captured, queryOf(x.req))); err != nil {
		return nil, err
	}
	if err := x.site.guard.admit(x); err != nil {
		return x.refused(err)
	}
	return nil, nil
}

// queryOf is the query with its "?"; nil = there is none.
func queryOf(r *wire.Request) []byte {
	if len(r.Target) < len(r.Path) {
		return nil
	}
	return r.Target[len(r.Path):]
}

// target is where a rule leads: with the query that it has, else that which was asked with.
func (r *rule) target(captured, query []byte) []byte {
	b := expand(nil, r.path, captured, inPath)
	if !r.IsURL() {
		b = ownPath(b)
	}
	if r.query != "" {
		return expand(b, r.query, captured, inQuery)
	}
	return append(b, query...)
}

// What of a path means something else where it is put: "\" is "/" to browsers, and a query has its own separators.
const (
	inPath  = `\`
	inQuery = `\&=+;`
)

// expand appends text with what the "*" stood for, of which some bytes are escaped.
func expand(b []byte, text string, captured []byte, escaped string) []byte {
	const digits = "0123456789ABCDEF"
	for {
		before, behind, more := strings.Cut(text, "$1")
		if b = append(b, before...); !more {
			return b
		}
		for _, c := range captured {
			if strings.IndexByte(escaped, c) < 0 {
				b = append(b, c)
			} else {
				b = append(b, '%', digits[c>>4], digits[c&15])
			}
		}
		text = behind
	}
}

// ownPath takes the slashes off that would make a path the name of another's host (RFC 3986 section 4.2: "//evil.org").
func ownPath(b []byte) []byte {
	for len(b) > 1 && b[1] == '/' {
		b = b[1:]
	}
	return b
}

// rewrite has the app asked for another target, which must be a path of its own.
func (x *exchange) rewrite(target []byte) error {
	path, query, _ := bytes.Cut(target, []byte("?"))
	path, err := wire.NormalPath(nil, path)
	if err != nil {
		return err
	}
	if byPath([]*site{x.site}, path) == nil {
		return errNoApp
	}
	next := *x.req
	next.Target, next.ReviewPath = path, true
	if len(query) > 0 {
		next.Target = append(append(path, '?'), query...)
	}
	next.Path = next.Target[:len(path)]
	x.req, x.origin.req = &next, &next
	return nil
}
