package proxy

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"purser/conf"
	"purser/proxy/certs"
	"purser/proxy/wire"
)

// A security is what the server knows of https.
type security struct {
	certs *certs.Store
	port  []byte // of https, as a redirect names it: with its colon, or "" for 443; nil = there is none to name
}

// newSecurity returns nil if there is no https for clients to be sent to, or to come by.
func newSecurity(store *certs.Store, port int) *security {
	if store == nil {
		return nil
	}
	s := &security{certs: store}
	switch port {
	case 0:
	case 443:
		s.port = []byte{}
	default:
		s.port = strconv.AppendInt([]byte{':'}, int64(port), 10)
	}
	return s
}

var (
	errMisdirected = errors.New("the host is not served on this connection")
	errUnproven    = errors.New("the app wants certificates of its clients")
)

// secured sees to it that a request came by a connection that is good enough for its app: it sends clients to
// https, and refuses what this connection was not made for. It is asked only if there is https at all.
func secured(x *exchange) (*reply, error) {
	if tls := x.origin.peer.TLS; tls == nil {
		if x.redirects() {
			return x.toHTTPS(), nil
		}
	} else if misdirected(x, tls.ServerName) {
		return nil, errMisdirected
	}
	err := x.checkProof()
	if errors.Is(err, errUnproven) {
		return x.refused(err)
	}
	return nil, err
}

// refused refuses a request. But an authority that looks for proof that a host is ours is answered by a file as ever: it
// has no certificate or password to show, and ours would expire meanwhile.
func (x *exchange) refused(err error) (*reply, error) {
	if x.asksForChallenge() {
		if r, err := publicFile(x); r != nil || err != nil {
			return r, err
		}
	}
	return nil, err
}

// misdirected reports whether a request is for a host that its connection was not made for (RFC 9110 section
// 15.5.20). A trusted proxy has its own name for us, and that of the visitor in Host.
func misdirected(x *exchange, serverName string) bool {
	var scratch [128]byte
	host := wire.NormalHost(scratch[:0], x.req.Host)
	return string(host) != serverName && !x.origin.peer.Trusted && !x.security.certs.Serves(serverName, string(host))
}

// checkProof refuses who has shown no certificate to an app that wants one. It was asked for by the name that
// the connection was made for: that must be under the same rule.
func (x *exchange) checkProof() error {
	ca := x.site.app.TLS.ClientCA
	tls := x.origin.peer.TLS
	switch {
	case ca == "":
		return nil
	case tls == nil:
		return errUnproven
	case !tls.Verified || x.security.certs.ClientCA(tls.ServerName) != ca:
		return errMisdirected
	}
	return nil
}

// challenges is where an authority looks for proof that a host is ours, by http (RFC 8555 section 8.3).
var challenges = []byte("/.well-known/acme-challenge/")

// prove answers an authority that we have asked for a certificate. What is none of ours goes on, to an app that may
// have asked another.
func prove(x *exchange) *reply {
	if x.proof == nil || !bytes.HasPrefix(x.req.Path, challenges) || string(x.req.Method) != "GET" {
		return nil
	}
	text, ours := x.proof(string(wire.NormalHost(nil, x.req.Host)), string(x.req.Path))
	if !ours {
		return nil
	}
	r := &x.reply
	r.begin(200)
	r.add("Content-Type", "application/octet-stream")
	r.length, r.content = int64(len(text)), &pageContent{[]byte(text)}
	return r
}

// redirects reports whether a client that came by http is to come by https: there is a certificate for its
// host, and it is not known to use https towards a proxy already. Whoever connects over a unix socket and is
// not trusted may be a proxy, too, and would come again for ever.
func (x *exchange) redirects() bool {
	o := &x.origin
	if !x.site.app.TLS.Redirect || x.security.port == nil || o.peer.Port == nil && !o.peer.Trusted || o.secure() {
		return false
	}
	var scratch [128]byte
	host := wire.NormalHost(scratch[:0], o.forwardedHost())
	return !x.asksForChallenge() && x.security.certs.Covers(string(host))
}

// asksForChallenge reports a path of one name below that: whatever an app makes of dots and slashes, it leads
// nowhere else. A file there may be seen by everybody, as an authority has no certificate to show.
func (x *exchange) asksForChallenge() bool {
	token, found := bytes.CutPrefix(x.req.Path, challenges)
	return found && len(token) > 0 && token[0] != '.' && !bytes.ContainsAny(token, `/%\`)
}

// toHTTPS keeps method, path and query.
func (x *exchange) toHTTPS() *reply {
	location := append(wire.NormalHost([]byte("https://"), x.origin.forwardedHost()), x.security.port...)
	return x.sentTo(308, append(location, x.req.Target...), "tls")
}

var hstsName = []byte("Strict-Transport-Security")

// hstsField tells browsers to use https only (RFC 6797 section 6.1); nil = it does not.
func hstsField(c conf.TLS) *wire.Field {
	if c.HSTS == 0 {
		return nil
	}
	value := strconv.AppendInt([]byte("max-age="), int64(c.HSTS/time.Second), 10)
	if c.HSTSSubdomains {
		value = append(value, "; includeSubDomains"...)
	}
	if c.HSTSPreload {
		value = append(value, "; preload"...)
	}
	return &wire.Field{Name: hstsName, Value: value}
}

// addHSTS adds that of an app that has one to an answer over https that has none.
func (x *exchange) addHSTS(h *wire.ResponseHead) {
	const lower = "strict-transport-security"
	if x.origin.secure() && !has(h.Fields, lower) && !has(h.Added, lower) {
		x.add(h, *x.site.hsts)
	}
}
