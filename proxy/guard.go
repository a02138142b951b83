package proxy

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"purser/conf"
	"purser/proxy/files"
	"purser/proxy/passwords"
	"purser/proxy/wire"
)

// A guard keeps from an app who is not to see it, by his address or his password. nil = everybody may.
type guard struct {
	conf.Access
	path      string          // of the app
	users     *passwords.List // nil = no password is asked for
	challenge string          // what a browser is told that has none
}

var (
	errForbidden  = errors.New("the client's address is not let in")
	errNoPassword = errors.New("no password came that is right")
)

// newGuard goes on with what the one before has found out, if the users are the same. A file that could not be read has
// nobody in it.
func newGuard(app conf.App, files map[string]*passwords.List, before *site) *guard {
	if !app.Access.Asks() {
		return nil
	}
	g := &guard{Access: app.Access, path: app.Path}
	if g.Htpasswd == "" {
		return g
	}
	realm := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(g.Realm)
	if realm == "" {
		realm = app.Name
	}
	g.challenge = `Basic realm="` + realm + `", charset="UTF-8"`
	if g.users = files[g.Htpasswd]; g.users == nil {
		g.users = passwords.None()
	}
	if before != nil && before.guard != nil && before.guard.users != nil && before.guard.users.Same(g.users) {
		g.users = before.guard.users
	}
	return g
}

// admit is nil for who is let in, and for what is not guarded.
func (g *guard) admit(x *exchange) error {
	if g == nil || !g.covers(x.req) {
		return nil
	}
	addr := x.origin.address()
	if contains(g.Deny, addr) {
		return errForbidden
	}
	listed := len(g.Allow) > 0 && contains(g.Allow, addr)
	switch {
	case g.Satisfy == "any" && listed:
		return nil
	case g.Satisfy != "any" && len(g.Allow) > 0 && !listed:
		return errForbidden
	case g.users == nil:
		return nil
	}
	return g.checkPassword(x)
}

// covers reports whether a request is for what is guarded: all whose paths begin so, in whatever way they are escaped.
// Where a path could mean another to the app, by an escaped slash or a backslash, it is taken for what is.
func (g *guard) covers(r *wire.Request) bool {
	if len(g.Paths) == 0 || r.ReviewPath && isAmbiguous(r.Path) {
		return true
	}
	var scratch [256]byte
	path := plainPath(scratch[:0], r)
	page := files.PageOf(path)
	if len(path) > 1 && string(path) == g.path {
		page = "/" + files.PageOf(nil)
	}
	return slices.ContainsFunc(g.Paths, func(p string) bool { return beginsWith(path, page, p) })
}

// beginsWith reports whether a path, with what stands behind it, begins so.
func beginsWith(path []byte, behind, with string) bool {
	n := len(path)
	if n >= len(with) {
		return string(path[:len(with)]) == with
	}
	return string(path) == with[:n] && strings.HasPrefix(behind, with[n:])
}

func isAmbiguous(path []byte) bool {
	for i, c := range path {
		if c == '%' && i+2 < len(path) {
			if c = wire.Unescape(path[i+1], path[i+2]); c == '/' {
				return true
			}
		}
		if c == '\\' {
			return true
		}
	}
	return false
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// checkPassword waits for a check only if the password is not known to be right.
func (g *guard) checkPassword(x *exchange) error {
	credentials, ok := basic(x.req.Get(wire.Authorization))
	if !ok {
		return errNoPassword
	}
	if g.users.Knows(credentials) {
		return nil
	}
	ctx, end := x.call.Present()
	defer end()
	right, err := g.users.Check(ctx, credentials)
	if err == nil && !right {
		err = errNoPassword
	}
	return err
}

// basic returns what follows the scheme's name (RFC 7617 section 2).
func basic(authorization []byte) (credentials []byte, ok bool) {
	scheme, credentials, ok := bytes.Cut(authorization, []byte(" "))
	return bytes.Trim(credentials, " "), ok && wire.EqualFold(scheme, "basic")
}
