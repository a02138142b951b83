package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"purser/proxy/client"
	"purser/proxy/sock"
	"purser/proxy/wire"
)

// mostRefreshes is how many stored answers of all apps are brought up to date at once beside the requests that found
// them stale.
const mostRefreshes = 32

// refreshes are those that run. The server waits for them.
type refreshes struct {
	running sync.WaitGroup
	room    chan struct{} // as many as may run
}

func newRefreshes() *refreshes { return &refreshes{room: make(chan struct{}, mostRefreshes)} }

// refresh has the app asked for what this request was given stale, unless somebody does already, or too much is.
func (q *inquiry) refresh(now int64) {
	x := q.x
	select {
	case x.refreshes.room <- struct{}{}:
	default:
		return
	}
	flight := q.cache.Lead(q.key, x.req.Fields)
	if flight == nil {
		<-x.refreshes.room
		return
	}
	call := newRefreshCall(x)
	y := &exchange{parts: x.parts}
	y.init()
	to := &inquiry{x: y, site: q.site, cache: q.cache, key: bytes.Clone(q.key), asked: now, entry: q.entry, flight: flight, why: "stale"}
	x.refreshes.running.Go(func() {
		defer func() { <-y.refreshes.room }()
		y.bringUpToDate(call, to)
	})
}

// bringUpToDate is the way of a request that no client waits for.
func (x *exchange) bringUpToDate(c *refreshCall, q *inquiry) {
	x.begin(c)
	defer x.finish()
	x.turnTo(q.site)
	x.inquiry = q
	q.prepare()
	r, err := x.appAnswer()
	r, err = toCache(x, r, err)
	switch {
	case err != nil:
		x.rejects.note(x, "a stored answer cannot be brought up to date: "+err.Error())
	case r.content == &q.keeper:
		x.story.status = r.head.Status
		x.close(r.content, drain(r.content))
	default: // nothing comes of it for the cache, and it may be large, or have no end
		x.dismiss(r)
	}
	x.story.finished = true
}

// drain takes content that is stored while it passes.
func drain(from content) error {
	for {
		switch data, err := from.Next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(data) == 0:
			from.Wait()
		}
	}
}

// A refreshCall is a call that nobody has made: the request of one who was answered already. It ends early only when the
// server does.
type refreshCall struct {
	client.Call // none: what is not here is not asked of it
	req         wire.Request
	peer        client.Peer
	ctx         context.Context
	began       int64
	unhook      func() bool // of the socket that is woken at the end
}

// newRefreshCall copies the request: its memory is lent for as long as its client's exchange lasts. A HEAD would bring
// nothing up to date.
func newRefreshCall(x *exchange) *refreshCall {
	c := &refreshCall{req: *x.req, peer: *x.origin.peer, ctx: x.ctx, began: x.clock.Exact()}
	r := &c.req
	for _, b := range []*[]byte{&r.Method, &r.Target, &r.Path, &r.Host, &r.Port, &c.peer.Text, &c.peer.Port} {
		*b = bytes.Clone(*b)
	}
	if r.IsHead() {
		r.Method = []byte("GET")
	}
	r.Fields, c.peer.Memo = slices.Clone(r.Fields), nil
	for i := range r.Fields {
		f := &r.Fields[i]
		f.Name, f.Value = bytes.Clone(f.Name), bytes.Clone(f.Value)
		f.Drop = f.Drop || isCondition(f.ID)
	}
	return c
}

func (c *refreshCall) Request() *wire.Request { return &c.req }
func (c *refreshCall) Peer() *client.Peer     { return &c.peer }
func (c *refreshCall) Began() int64           { return c.began }
func (c *refreshCall) Seen() []byte           { return nil }
func (c *refreshCall) Gone() bool             { return c.ctx.Err() != nil }

func (c *refreshCall) Interim(*wire.ResponseHead) {}
func (c *refreshCall) Flush() error               { return nil }
func (c *refreshCall) LongLived(int64)            {}
func (c *refreshCall) Unbuffered()                {}
func (c *refreshCall) Cut()                       {}

func (c *refreshCall) Present() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := context.AfterFunc(c.ctx, func() { cancel(client.ErrStopping) })
	return ctx, func() { stop(); cancel(nil) }
}

func (c *refreshCall) WakeOnGone(s *sock.Socket, _ bool) {
	if c.unhook != nil {
		c.unhook()
		c.unhook = nil
	}
	if s != nil {
		c.unhook = context.AfterFunc(c.ctx, s.Wake)
	}
}
