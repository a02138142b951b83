package proxy

import (
	"purser/conf"
	"purser/proxy/wire"
)

// A buffering says what of requests and answers is taken whole before it is passed on, by their paths. Nil is what is
// meant without any word of it: requests, and answers as far as their clients are slower than their processes.
type buffering struct {
	rest  conf.Buffering
	paths []conf.Buffering
}

func newBuffering(app conf.App) *buffering {
	if app.BufferRequest && len(app.Buffering) == 0 {
		return nil
	}
	return &buffering{rest: conf.Buffering{Request: app.BufferRequest, Response: true}, paths: app.Buffering}
}

func (b *buffering) of(r *wire.Request) *conf.Buffering {
	var memory [256]byte
	path, found := plainPath(memory[:0], r), &b.rest
	for i := range b.paths {
		if p := &b.paths[i]; isBelow(path, p.Path) && len(p.Path) >= len(found.Path) {
			found = p
		}
	}
	return found
}

// streams reports whether the body is passed on to a process while it comes.
func (b *buffering) streams(r *wire.Request) bool { return b != nil && !b.of(r).Request }

// direct reports whether the answer is taken from the process at the client's speed. The app's own word counts more than
// the file's, as with nginx.
func (b *buffering) direct(r *wire.Request, head *wire.Response) bool {
	if head.Unbuffered || head.Buffered {
		return head.Unbuffered
	}
	return b != nil && !b.of(r).Response
}
