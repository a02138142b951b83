package proxy

import (
	"bytes"

	"purser/proxy/wire"
)

// believed returns what a trusted proxy says in a field, or nil.
func (x *exchange) believed(id wire.FieldID) []byte {
	if !x.peer.Trusted {
		return nil
	}
	if value := x.req.Get(id); len(value) > 0 {
		return value
	}
	return nil
}

// first returns the first element of what a trusted proxy says in a list: where each proxy adds what it
// was asked itself, that is what the client asked.
func (x *exchange) first(id wire.FieldID) []byte {
	element, _, _ := bytes.Cut(x.believed(id), []byte(","))
	return bytes.Trim(element, " \t")
}

// scheme returns the scheme that the client used, as far as is known. A proxy that knows only an older
// name for it must not be contradicted by the usual one: apps redirect for ever then.
func (x *exchange) scheme() []byte {
	if !x.peer.Trusted {
		return schemeHTTP
	}
	said := x.first(wire.XForwardedProto)
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; {
		case len(said) > 0:
		case wire.EqualFold(f.Name, "x-forwarded-scheme"):
			said = f.Value
		case wire.EqualFold(f.Name, "x-forwarded-ssl") && wire.EqualFold(f.Value, "on"):
			said = schemeHTTPS
		}
	}
	if !wire.IsToken(said) {
		return schemeHTTP
	}
	return said
}

// secure reports whether the client is known to have used https, or wss, as some proxies say of a
// WebSocket.
func (x *exchange) secure() bool {
	scheme := x.scheme()
	return wire.EqualFold(scheme, "https") || wire.EqualFold(scheme, "wss")
}

// forwardedHost returns the host that the client asked for: a proxy may ask us for another.
func (x *exchange) forwardedHost() []byte {
	if said, _ := x.saidHost(); said != nil {
		return said
	}
	return x.host()
}

// saidHost returns the host that a trusted proxy says the client asked for, or nil, and its port.
func (x *exchange) saidHost() (host, port []byte) {
	host = x.first(wire.XForwardedHost)
	if port, ok := wire.ParseHost(host); ok {
		return host, port
	}
	return nil, nil
}

// unixPeer is what nginx writes into X-Forwarded-For for who connects to it over a unix socket.
const unixPeer = "unix:"

// path says through whom the request came: whom a trusted proxy has named, and the peer. Who has no
// address is left out, and if it is not trusted, so is all that it has said.
func (x *exchange) path() []byte {
	var names [][]byte
	for i := range x.req.Fields {
		if x.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		for name := range bytes.SplitSeq(x.req.Fields[i].Value, []byte(",")) {
			switch name = bytes.Trim(name, " \t"); {
			case len(name) == 0:
			case string(name) != unixPeer:
				names = append(names, name)
			case !x.srv.conns.TrustUnix:
				names = names[:0]
			}
		}
	}
	if said := x.saidRealIP(); said != nil {
		names = append(names, said)
	}
	if x.peer.Text != nil {
		names = append(names, x.peer.Text)
	}
	return bytes.Join(names, []byte(", "))
}

// client returns the address of the client, or nil if it is not known: the peer's, or, behind trusted
// proxies, the last address in X-Forwarded-For that is not one of them.
func (x *exchange) client() []byte {
	if x.story.client == nil {
		x.story.client = x.peer.Text
		if said := x.saidRealIP(); said != nil {
			x.story.client = said
		} else if x.peer.Trusted {
			x.story.client = x.forwardedClient(x.story.client)
		}
	}
	return x.story.client
}

// saidRealIP returns the client's address as a trusted proxy says it that says nothing in X-Forwarded-For,
// or nil.
func (x *exchange) saidRealIP() []byte {
	said := x.believed(wire.XRealIP)
	if said == nil || x.believed(wire.XForwardedFor) != nil {
		return nil
	}
	if a, ok := wire.ForwardedAddr(said); ok {
		return a.AppendTo(nil)
	}
	return nil
}

func (x *exchange) forwardedClient(client []byte) []byte {
	for i := len(x.req.Fields) - 1; i >= 0; i-- {
		if x.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		for list, comma := x.req.Fields[i].Value, 0; len(list) > 0; list = list[:max(comma, 0)] {
			comma = bytes.LastIndexByte(list, ',')
			name := bytes.Trim(list[comma+1:], " \t")
			if len(name) == 0 || string(name) == unixPeer && x.srv.conns.TrustUnix {
				continue
			}
			a, ok := wire.ForwardedAddr(name)
			if !ok {
				return client
			}
			if client = a.AppendTo(nil); !x.srv.conns.Trusts(a) {
				return client
			}
		}
	}
	return client
}
