package proxy

import "purser/proxy/wire"

// intercepted shows a page of the app's configuration in place of one that the app has answered with, as nginx does with
// proxy_intercept_errors. What is meant for programs (JSON, XML, an image) stays as it is, and so does what was asked by one.
func intercepted(x *exchange, r *reply) *reply {
	if !x.site.app.Pages.Intercept || r.head.Status < 400 || r.endless || !isPage(&r.head) || prefersJSON(x.req.Get(wire.Accept)) {
		return r
	}
	own := x.site.pages.of(r.head.Status)
	if own == nil {
		return r
	}
	p := page{failure: failure{status: r.head.Status}, own: own, id: x.origin.requestID()}
	kept := append(keptOfPage(&r.head), r.head.Added...)
	x.dismiss(r)
	x.reply.page(p, x.req)
	x.reply.head.Added = append(x.reply.head.Added, kept...)
	return &x.reply
}

// isPage reports whether an answer is for people: HTML, plain text, or nothing that is named.
func isPage(h *wire.ResponseHead) bool {
	for i := range h.Fields {
		if f := &h.Fields[i]; wire.EqualFold(f.Name, "content-type") {
			kind := f.Value
			return hasPrefixFold(kind, "text/html") || hasPrefixFold(kind, "application/xhtml+xml") || hasPrefixFold(kind, "text/plain")
		}
	}
	return true
}

func hasPrefixFold(text []byte, prefix string) bool {
	return len(text) >= len(prefix) && wire.EqualFold(text[:len(prefix)], prefix)
}

// keptOfPage are the fields without which a status means nothing (RFC 9110 sections 10.2.1, 10.2.3, 11.6.1 and 11.7.1).
func keptOfPage(h *wire.ResponseHead) (kept []wire.Field) {
	for i := range h.Fields {
		for _, name := range [...]string{"www-authenticate", "proxy-authenticate", "allow", "retry-after"} {
			if f := &h.Fields[i]; wire.EqualFold(f.Name, name) && !f.Drop {
				kept = append(kept, wire.Field{Name: append([]byte(nil), f.Name...), Value: append([]byte(nil), f.Value...)})
			}
		}
	}
	return kept
}
