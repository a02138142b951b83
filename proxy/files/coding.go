package files

import (
	"purser/proxy/coding"
	"purser/proxy/wire"
)

// suffixes are how files may lie compressed next to themselves, as NAME.br and so on. Where a client likes several codings
// as much, the first counts.
var suffixes = [...]struct {
	of     coding.Coding
	suffix string
}{{coding.Brotli, ".br"}, {coding.Zstd, ".zst"}, {coding.Gzip, ".gz"}}

// choose returns what answers a request: the file as it is, if need be, whatever the client takes. Who gets it closes it.
func (o *opened) choose(r *wire.Request) *File {
	if len(o.coded) == 0 {
		return o.plain
	}
	var memory [len(suffixes)]coding.Coding
	offered := memory[:0]
	for _, f := range o.coded {
		offered = append(offered, f.coding)
	}
	var accept coding.Accept
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == wire.AcceptEncoding {
			accept.Read(f.Value)
		}
	}
	best := accept.Best(offered)
	for _, f := range o.coded {
		if f.coding == best {
			return f
		}
	}
	return o.plain
}
