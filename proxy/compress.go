package proxy

import (
	"bytes"

	"purser/conf"
	"purser/proxy/coding"
	"purser/proxy/wire"
)

// A compression is how an app's answers are compressed.
type compression struct {
	offered []coding.Coding // the first is the most wanted
	pools   []*coding.Pool  // of these
	types   mediaTypes
	least   int64 // bytes of an answer that are worth it
}

// mostRead is how large a static file may be that is read to be compressed, each time that it is asked for. A larger
// one is sent by the kernel.
const mostRead = 1 << 20

// newCompression returns nil where nothing is compressed.
func newCompression(c conf.Compress, pools *coding.Pools) *compression {
	if len(c.Encodings) == 0 {
		return nil
	}
	to := &compression{types: newMediaTypes(c.Types), least: max(1, c.MinSize)}
	for _, name := range c.Encodings {
		to.offered = append(to.offered, coding.Named(name))
		to.pools = append(to.pools, pools.Of(coding.Named(name), c.Level(name)))
	}
	return to
}

// apply compresses a reply, if it is worth it and the client takes it. That it depends on what the client takes is
// said whether it does or not (RFC 9110 section 12.5.5).
func (c *compression) apply(x *exchange, r *reply) {
	switch {
	case r.head.Status == 304:
		x.encoded.sayAgain(&r.head, x.req)
		return
	case !c.suits(r):
		return
	}
	chosen, encoder := c.choose(x.req)
	x.encoded.vary(&r.head, chosen != coding.None)
	if chosen == coding.None {
		return
	}
	x.encoded.name(&r.head, chosen)
	r.length = -1
	if encoder != nil {
		r.content = x.encoded.begin(r.content, encoder)
	}
}

// suits reports whether an answer may be encoded, and is worth it. One to HEAD is judged as that to GET, whose fields it
// has.
func (c *compression) suits(r *reply) bool {
	switch status := r.head.Status; {
	case status < 200, status == 204, status == 205, status == 206:
		return false
	case 0 <= r.length && r.length < c.least:
		return false
	}
	if _, ok := r.content.(*fileContent); ok && r.length > mostRead {
		return false
	}
	return c.types.has(r.head.Fields, r.head.Added) && mayEncode(r.head.Fields) && mayEncode(r.head.Added)
}

// choose returns what a request takes, and an encoder unless only the head of the answer is sent.
func (c *compression) choose(req *wire.Request) (coding.Coding, *coding.Encoder) {
	if req.Minor == 0 { // HTTP/1.0, and proxies that speak it, may know nothing of Vary
		return coding.None, nil
	}
	var accept coding.Accept
	for i := range req.Fields {
		f := &req.Fields[i]
		switch {
		case f.ID == wire.CacheControl && hasWord(f.Value, "no-transform"): // RFC 9111 section 5.2.1.6
			return coding.None, nil
		case f.ID == wire.AcceptEncoding:
			accept.Read(f.Value)
		}
	}
	best := accept.Best(c.offered)
	if best == coding.None || req.IsHead() {
		return best, nil
	}
	for i, offered := range c.offered {
		if offered == best {
			if encoder := c.pools[i].Lend(); encoder != nil {
				return best, encoder
			}
		}
	}
	return coding.None, nil
}

// mayEncode reports whether nothing in a head speaks against it.
func mayEncode(fields []wire.Field) bool {
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Drop:
		case wire.EqualFold(f.Name, "content-encoding"), wire.EqualFold(f.Name, "content-range"):
			return false
		case wire.EqualFold(f.Name, "cache-control") && hasWord(f.Value, "no-transform"): // RFC 9111 section 5.2.2.6
			return false
		case wire.EqualFold(f.Name, "content-digest"), wire.EqualFold(f.Name, "repr-digest"), // RFC 9530: of what is sent
			wire.EqualFold(f.Name, "digest"), wire.EqualFold(f.Name, "content-md5"):
			return false
		}
	}
	return true
}

// hasWord reports whether a word, in small letters, is an element of a list.
func hasWord(list []byte, word string) bool {
	for len(list) > 0 {
		element, rest, _ := bytes.Cut(list, []byte{','})
		if wire.EqualFold(bytes.Trim(element, " \t"), word) {
			return true
		}
		list = rest
	}
	return false
}
