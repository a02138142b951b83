package proxy

import (
	"errors"
	"net/http"
	"runtime/debug"

	"purser/pool"
	"purser/proxy/client"
)

// Serve is the way of a request, in reading order.
func (x *exchange) Serve(c client.Call, bad error) {
	x.begin(c)
	defer x.finish()
	r, err := (*reply)(nil), bad
	if bad == nil {
		r, err = x.answer()
	}
	if err != nil {
		r = x.failure(err) // the only place that turns errors into answers
	}
	if r != nil {
		x.deliver(r)
	}
	x.req = x.call.Request() // as it was asked, before it was rewritten
	x.record()
	x.story.finished = true
}

// answer is the order of a request: each step may answer before those that follow. A step is a file.
func (x *exchange) answer() (r *reply, err error) {
	if r := options(x); r != nil {
		return r, nil
	}
	if r := prove(x); r != nil {
		return r, nil
	}
	to, err := x.routes.find(x.req)
	if err != nil {
		return nil, err
	}
	x.turnTo(to)
	if x.site.stopped {
		return nil, pool.ErrStopped
	}
	if x.security != nil {
		if r, err := secured(x); r != nil || err != nil {
			return r, err
		}
	}
	if err := x.site.limits.admit(x); err != nil {
		return nil, err
	}
	if x.site.canonical != "" {
		if r := canonical(x); r != nil {
			return r, nil
		}
	}
	if err := x.site.guard.admit(x); err != nil {
		return x.refused(err)
	}
	if err := held(x); err != nil {
		return x.refused(err)
	}
	if x.site.redirects != nil {
		if r, err := redirected(x); r != nil || err != nil {
			return r, err
		}
	}
	if x.site.static != nil {
		if r, err := staticFile(x); r != nil || err != nil {
			return r, err
		}
	}
	if r, err := publicFile(x); r != nil || err != nil {
		return r, err
	}
	if x.site.cache != nil {
		if r, err := fromCache(x); r != nil || err != nil {
			return r, err
		}
	}
	if err := takeBody(x); err != nil {
		return nil, err
	}
	r, err = x.appAnswer()
	if x.inquiry != nil {
		return toCache(x, r, err)
	}
	return r, err
}

// finish ends the exchange, and waits for a process that has not ended its answer. A fault of ours ends
// this connection only.
func (x *exchange) finish() {
	defer x.end()
	switch {
	case !x.story.finished:
		x.faults.Add(1)
		x.log.Error("a request was ended by a fault in purser; please report it", "panic", recover(), "stack", string(debug.Stack()))
		x.call.Cut()
		x.encoded.release()
	case x.loan.proc != nil:
		(*appContent)(x).finish()
	}
}

// failure makes the reply to a request that cannot be served, or none if nobody waits for it.
func (x *exchange) failure(err error) *reply {
	if gone(err) && x.ctx.Err() != nil {
		err = errStopped // it is not the client that left
	}
	f := failureOf(err)
	x.story.status, x.story.reason, x.story.ending = f.status, f.reason, x.endingBy(err)
	if errors.Is(err, client.ErrHeadCut) || f != hungUp {
		x.rejects.note(x, err.Error())
	}
	if f == hungUp {
		return nil
	}
	if f.reason == "bad_request" {
		x.call.Last()
	}
	x.reply.page(x.pageOf(f, err), x.req)
	if limited, ok := errors.AsType[*rateError](err); ok {
		limited.say(&x.reply)
	}
	if f.status == http.StatusUnauthorized {
		x.reply.add("WWW-Authenticate", x.site.guard.challenge)
	}
	return &x.reply
}
