package proxy

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"

	"purser/conf"
	"purser/proxy/wire"
)

// errMaintenance answers in place of an app.
var errMaintenance = errors.New("the app is in maintenance")

// A Maintenance is whether an app is in maintenance. It outlives the configurations that the app has meanwhile.
type Maintenance struct{ on atomic.Bool }

// Set has visitors be told that the app is in maintenance, or be served again.
func (m *Maintenance) Set(on bool) { m.on.Store(on) }

func (m *Maintenance) is() bool { return m != nil && m.on.Load() }

// held refuses who asks an app in maintenance, unless it is somebody who sees to it.
func held(x *exchange) error {
	if !x.site.maintenance.is() || x.site.admits.admits(x) {
		return nil
	}
	return errMaintenance
}

// An admittance is who may go on using an app in maintenance.
type admittance struct {
	from   []netip.Prefix
	name   string // of a cookie; "" = none admits
	secret []byte
}

func admittanceOf(c conf.Maintenance) admittance {
	name, secret, _ := strings.Cut(c.Cookie, "=")
	return admittance{c.Allow, name, []byte(secret)}
}

func (a *admittance) admits(x *exchange) bool {
	return len(a.from) > 0 && contains(a.from, x.origin.address()) || a.name != "" && a.shows(x.req)
}

// shows reports whether the request brings the cookie. The comparison takes a time that tells nothing.
func (a *admittance) shows(r *wire.Request) bool {
	for i := range r.Fields {
		if r.Fields[i].ID != wire.Cookie {
			continue
		}
		for rest, more := r.Fields[i].Value, true; more; {
			var value []byte
			if value, rest, more = nextCookie(rest, a.name); more && subtle.ConstantTimeCompare(value, a.secret) == 1 {
				return true
			}
		}
	}
	return false
}

// maintained makes the page that of an app in maintenance: its page, if there is one, with what the file says by which it
// is in maintenance. That is a page by itself if it begins with "<".
func (to *site) maintained(p *page) {
	c := &to.app.Maintenance
	p.retry, p.own = c.RetryAfter, to.pages.named(c.Page)
	switch notice := bytes.TrimSpace(to.pages.named(c.File)); {
	case len(notice) == 0:
	case notice[0] == '<':
		p.own = notice
	default:
		p.text = string(bytes.ToValidUTF8(notice, []byte("\uFFFD")))
	}
}
