package proxy

import (
	"purser/conf"
	"purser/proxy/files"
	"purser/proxy/wire"
)

// A static is a further folder of static files, for requests below a path.
type static struct {
	conf   conf.Static
	path   string // with the app's own
	public *files.Public
}

// Statics are those of an app, the longest path first.
type statics []*static

// staticFile answers with a file of the folder that has the longest path. What is not there the app may have.
func staticFile(x *exchange) (*reply, error) {
	if x.req.Length != 0 {
		return nil, nil
	}
	to := x.site.static.find(x.req)
	if to == nil {
		return nil, nil
	}
	f, err := to.public.Open(x.req)
	if f == nil || err != nil {
		return nil, err
	}
	return x.fileReply(f, x.added[:0]), nil
}

// find returns whose path is a folder above that of a request.
func (all statics) find(r *wire.Request) *static {
	var scratch [256]byte
	path, err := normalPath(scratch[:0], r)
	if err != nil {
		return nil
	}
	for _, one := range all {
		if len(path) > len(one.path) && isBelow(path, one.path) {
			return one
		}
	}
	return nil
}
