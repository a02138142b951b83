package proxy

import (
	"errors"
	"fmt"
	"runtime/debug"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/wire"
)

// Serve is the way of a request, in reading order.
func (x *exchange) Serve(c client.Call, bad error) {
	x.begin(c)
	defer x.finish()
	r, err := x.answer(bad)
	if err != nil {
		r = x.failure(err) // the only place that turns errors into answers
	}
	if r != nil {
		x.deliver(r)
	}
	x.access.record(x)
	x.ended = true
}

// answer asks in turn what can answer.
func (x *exchange) answer(bad error) (r *reply, err error) {
	if bad != nil {
		return nil, bad
	}
	if r := x.options(); r != nil {
		return r, nil
	}
	if x.site, err = x.routes.find(x.req); err != nil {
		return nil, err
	}
	if r, err := x.publicFile(); r != nil || err != nil {
		return r, err
	}
	if err := x.takeBody(); err != nil {
		return nil, err
	}
	return x.forward()
}

// finish ends the exchange. A fault of ours ends this connection only.
func (x *exchange) finish() {
	if !x.ended {
		x.faults.Add(1)
		x.log.Error("a request was ended by a fault in purser; please report it", "panic", recover(), "stack", string(debug.Stack()))
		x.call.Cut()
	}
	x.end()
}

// options answers what asks about the server itself: OPTIONS of "*", or one that may go no further (RFC
// 9110 section 7.6.2).
func (x *exchange) options() *reply {
	if x.req.Target[0] != '*' && !(string(x.req.Method) == "OPTIONS" && string(x.req.Get(wire.MaxForwards)) == "0") {
		return nil
	}
	x.reply.begin(204)
	x.reply.add("Allow", allowed)
	return &x.reply
}

var errFullBeforeBody = fmt.Errorf("before its body was taken: %w", pool.ErrQueueFull)

// takeBody takes the whole body in: no process is held while a client sends. A client that waits to be
// asked for it is refused before, if that is known already.
func (x *exchange) takeBody() error {
	if x.req.Length == 0 {
		return nil
	}
	if x.req.Continue && x.site.group.QueueFull() {
		return errFullBeforeBody
	}
	trailers, err := x.call.TakeBody(&x.body, x.site.app.MaxBody)
	if x.site.app.PassTrailers {
		x.order.Trailers = trailers
	}
	return err
}

// publicFile answers with a static file, if the request is for one.
func (x *exchange) publicFile() (*reply, error) {
	if x.site.public == nil || x.req.Length != 0 {
		return nil, nil
	}
	f, err := x.site.public.Open(x.req)
	if f == nil || err != nil {
		return nil, err
	}
	x.added = fileReply(&x.reply, f, x.req, x.added[:0])
	return &x.reply, nil
}

// failure makes the reply to a request that cannot be served, or none if nobody waits for it.
func (x *exchange) failure(err error) *reply {
	f := failureOf(err)
	x.story.status, x.story.reason = f.status, f.reason
	if errors.Is(err, client.ErrHeadCut) || f != hungUp {
		x.rejects.note(x, err.Error())
	}
	if f == hungUp {
		return nil
	}
	if f.reason == "bad_request" {
		x.call.Last()
	}
	x.reply.page(f, x.site.details(err), x.req, x.origin.requestID())
	return &x.reply
}
