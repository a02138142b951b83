package proxy

import (
	"bytes"
	"net/netip"

	"purser/proxy/wire"
)

// believed returns what a trusted proxy says in a field, or nil.
func (o *origin) believed(id wire.FieldID) []byte {
	if !o.peer.Trusted {
		return nil
	}
	if value := o.req.Get(id); len(value) > 0 {
		return value
	}
	return nil
}

// first returns the first element of what a trusted proxy says in a list: where each proxy adds what it
// was asked itself, that is what the client asked.
func (o *origin) first(id wire.FieldID) []byte {
	element, _, _ := bytes.Cut(o.believed(id), []byte(","))
	return bytes.Trim(element, " \t")
}

// scheme returns the scheme that the client used, as far as is known. A proxy that knows only an older
// name for it must not be contradicted by the usual one: apps redirect for ever then.
func (o *origin) scheme() []byte {
	if !o.peer.Trusted {
		return o.own()
	}
	said := o.first(wire.XForwardedProto)
	for i := range o.req.Fields {
		switch f := &o.req.Fields[i]; {
		case len(said) > 0:
		case wire.EqualFold(f.Name, "x-forwarded-scheme"):
			said = f.Value
		case wire.EqualFold(f.Name, "x-forwarded-ssl") && wire.EqualFold(f.Value, "on"):
			said = schemeHTTPS
		}
	}
	if !wire.IsToken(said) {
		return o.own()
	}
	return said
}

// own is the scheme of the connection.
func (o *origin) own() []byte {
	if o.peer.Secure {
		return schemeHTTPS
	}
	return schemeHTTP
}

// secure reports whether the client is known to have used https, or wss, as some proxies say of a
// WebSocket.
func (o *origin) secure() bool {
	if !o.peer.Trusted {
		return o.peer.Secure
	}
	scheme := o.scheme()
	return wire.EqualFold(scheme, "https") || wire.EqualFold(scheme, "wss")
}

// forwardedHost returns the host that the client asked for: a proxy may ask us for another.
func (o *origin) forwardedHost() []byte {
	if said, _ := o.saidHost(); said != nil {
		return said
	}
	return o.req.HostOrLocal()
}

// saidHost returns the host that a trusted proxy says the client asked for, or nil, and its port.
func (o *origin) saidHost() (host, port []byte) {
	host = o.first(wire.XForwardedHost)
	if port, ok := wire.ParseHost(host); ok {
		return host, port
	}
	return nil, nil
}

// unixPeer is what nginx writes into X-Forwarded-For for who connects to it over a unix socket.
const unixPeer = "unix:"

// path says through whom the request came: whom a trusted proxy has named, and the peer. Who has no
// address is left out, and if it is not trusted, so is all that it has said.
func (o *origin) path() []byte {
	var names [][]byte
	for i := range o.req.Fields {
		if o.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		for name := range bytes.SplitSeq(o.req.Fields[i].Value, []byte(",")) {
			switch name = bytes.Trim(name, " \t"); {
			case len(name) == 0:
			case string(name) != unixPeer:
				names = append(names, name)
			case !o.trustUnix:
				names = names[:0]
			}
		}
	}
	if said := o.saidRealIP(); said != nil {
		names = append(names, said)
	}
	if o.peer.Text != nil {
		names = append(names, o.peer.Text)
	}
	return bytes.Join(names, []byte(", "))
}

// client returns the address of the client, or nil if it is not known: the peer's, or, behind trusted
// proxies, the last address in X-Forwarded-For that is not one of them.
func (o *origin) client() []byte {
	if o.addr == nil {
		o.addr = o.peer.Text
		if said := o.saidRealIP(); said != nil {
			o.addr = said
		} else if o.peer.Trusted {
			o.addr = o.forwardedClient(o.addr)
		}
	}
	return o.addr
}

// address is the one that client returns, without the zone by which no prefix knows it; not valid = it is not known, as on
// a unix socket.
func (o *origin) address() netip.Addr {
	a := o.peer.Addr
	if o.peer.Trusted {
		a, _ = wire.ForwardedAddr(o.client())
	}
	return a.WithZone("")
}

// saidRealIP returns the client's address as a trusted proxy says it that says nothing in X-Forwarded-For,
// or nil.
func (o *origin) saidRealIP() []byte {
	said := o.believed(wire.XRealIP)
	if said == nil || o.believed(wire.XForwardedFor) != nil {
		return nil
	}
	if a, ok := wire.ForwardedAddr(said); ok {
		return a.AppendTo(nil)
	}
	return nil
}

func (o *origin) forwardedClient(client []byte) []byte {
	for i := len(o.req.Fields) - 1; i >= 0; i-- {
		if o.req.Fields[i].ID != wire.XForwardedFor {
			continue
		}
		for list, comma := o.req.Fields[i].Value, 0; len(list) > 0; list = list[:max(comma, 0)] {
			comma = bytes.LastIndexByte(list, ',')
			name := bytes.Trim(list[comma+1:], " \t")
			if len(name) == 0 || string(name) == unixPeer && o.trustUnix {
				continue
			}
			a, ok := wire.ForwardedAddr(name)
			if !ok {
				return client
			}
			if client = a.AppendTo(nil); !o.trusts(a) {
				return client
			}
		}
	}
	return client
}
