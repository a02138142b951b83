package proxy

import (
	"errors"
	"time"

	"purser/pool"
	"purser/proxy/upstream"
)

// maxTries is how often a request is tried again at most: each process that refuses a connection is
// replaced, so that there is another soon.
const maxTries = 10

// dyingTime is how long a process that ends its connections may take to end itself.
const dyingTime = 50 * time.Millisecond

// appAnswer has the app answer: by what a process sends, by a file that it names, or by a page for what went wrong.
func (x *exchange) appAnswer() (*reply, error) {
	if err := x.forward(); err != nil {
		return nil, err
	}
	if r, err := instead(x); r != nil || err != nil {
		return r, err
	}
	return intercepted(x, x.appReply()), nil
}

// forward borrows a process and has it answer, up to the head of that. A request that certainly had no effect, or may have it
// twice, is given to another process when its first one is gone.
func (x *exchange) forward() error {
	if err := x.choosePin(); err != nil {
		return err
	}
	x.origin.since = x.clock.UnixMilli(x.call.Began())
	x.address()
	x.toApp()
	x.order.Request, x.order.Asker = x.req, x.call
	for tries := 0; ; tries++ {
		if err := x.acquire(); err != nil {
			if moved, err := x.rerouted(err); !moved {
				return err
			}
			continue
		}
		x.story.served = x.loan.proc
		err := x.ask.Do(wayTo(x.loan.proc), &x.order)
		x.asked()
		if err == nil {
			x.fromApp(x.ask.Head().Status)
			return nil
		}
		if ofClient(err) {
			x.story.outcome = pool.Unclear
			return err // finish waits for the process, which has a part of the request
		}
		x.giveUp(err)
		if !x.mayRetry(err, tries) {
			return err
		}
		x.order.Fresh = true
		if errors.Is(err, upstream.ErrNoAnswer) {
			x.story.resent = x.story.resent || !errors.Is(err, upstream.ErrUnread)
			x.awaitDeath()
		}
	}
}

// address has the app of its site told what only we may say, and what its configuration says, and nothing that is for
// another.
func (x *exchange) address() {
	to := x.site
	x.order.Terms = &to.terms
	x.origin.traced = false
	x.origin.dropForwarded()
	if to.headers != nil {
		drop(x.req.Fields, to.headers.requestGone)
	}
	if to.tracing != tracePassed {
		x.origin.follow(to.tracing)
	}
}

// choosePin says which generations are too old to answer: those before the one that the client knows
// of, and in development those before the code on disk, if it is asked for at each request.
func (x *exchange) choosePin() error {
	if x.site.pins != nil {
		x.story.seen = x.site.pins.newest(x.req)
		x.story.pin = x.story.seen
	}
	if x.site.fresh == nil {
		return nil
	}
	pin, err := x.site.fresh(x.site.app.Name)
	if err != nil {
		return &freshError{err}
	}
	x.story.pin = max(x.story.pin, pin)
	return nil
}

// wayTo returns the way to a process: what cmd hands to the pool as a child carries it.
func wayTo(p *pool.Process) *upstream.Way {
	return p.Child().(interface{ Upstream() *upstream.Way }).Upstream()
}

// acquire borrows a process of the app, waiting in its queue if it must. After a failure it would rather
// have another one than that which failed.
func (x *exchange) acquire() (err error) {
	group, wish := x.site.group, pool.Wish{Pin: x.story.pin, Avoid: x.story.served}
	p := group.TryAcquire(wish)
	if p == nil {
		from := x.clock.Exact()
		ctx, end := x.call.Present()
		p, err = group.Acquire(ctx, wish)
		end()
		x.detail().queued += x.clock.Exact() - from
	}
	if p != nil {
		x.loan = loan{group: group, proc: p}
	}
	return err
}

// rerouted reports whether a request whose app is gone, or was stopped, is to be asked of another: the one that
// has its host and path since, if that lets it in. If not, err says why.
func (x *exchange) rerouted(err error) (moved bool, _ error) {
	now := x.current.Load()
	if now == x.table || !errors.Is(err, pool.ErrClosed) && !errors.Is(err, pool.ErrStopped) {
		return false, err
	}
	x.req = x.call.Request() // as it was asked: it was rewritten for another
	x.origin.req, x.order.Request = x.req, x.req
	to, err := now.routes.find(x.req)
	switch {
	case err != nil:
		return false, err
	case to.stopped:
		return false, pool.ErrStopped
	}
	x.turnTo(to)
	x.table, x.story.pin, x.story.served = now, 0, nil
	if err := x.mayEnter(); err != nil {
		return false, err
	}
	x.origin.conditions = nil // of what another has stored
	x.address()
	return true, nil
}

// mayEnter has the rules of a site say whether it is asked what another one had let in.
func (x *exchange) mayEnter() error {
	if x.security != nil {
		if err := x.checkProof(); err != nil {
			return err
		}
	}
	if err := x.site.limits.admit(x); err != nil {
		return err
	}
	if err := x.site.guard.admit(x); err != nil {
		return err
	}
	return held(x)
}

// giveUp gives back a process that gave no answer, and has it replaced if it must be.
func (x *exchange) giveUp(err error) {
	switch {
	case errors.Is(err, upstream.ErrRefused):
		x.loan.group.Refuses(x.loan.proc, err.Error())
	case errors.Is(err, upstream.ErrSlow):
		x.loan.group.Recycle(x.loan.proc, "request_timeout passed")
	case errors.Is(err, upstream.ErrStalled):
		x.stalled()
	}
	x.ask.End()
	if tooLong(x, err) {
		x.loan.end(pool.Unclear)
	}
	x.loan.end(outcomeWithout(err)) // unless it has ended
}

// mayRetry reports whether a process may be asked again. RFC 9110 section 9.2.2: what was sent may be
// sent again only if the method is idempotent; we do that once, unless we have cut the request ourselves. What no
// process has read counts as not sent: where several die at once, it may meet more than one of them.
func (x *exchange) mayRetry(err error, tries int) bool {
	switch {
	case tries == maxTries:
		return false
	case errors.Is(err, upstream.ErrRefused):
		return true
	case x.stream != nil: // some of its body is gone
		return false
	case errors.Is(err, upstream.ErrUnsent):
		return true
	}
	again := errors.Is(err, upstream.ErrUnread) || !x.story.resent
	return errors.Is(err, upstream.ErrNoAnswer) && x.req.Idempotent() && again && !x.overdue(err)
}

// overdue reports whether the process was asked to exit in the middle of the request: then the request
// had had all the time that a drain gives, and would only take as long again. Not so if the process had
// not even read it: it hung before it came to that.
func (x *exchange) overdue(err error) bool {
	return x.story.served.AskedToExit() && !errors.Is(err, upstream.ErrUnread)
}

// awaitDeath sees to it that the retry does not go to a process that is dying. One that is killed ends
// its connections a moment before anybody can know that it is dead; if it is the only one, its fate is
// awaited.
func (x *exchange) awaitDeath() {
	failed, group := x.story.served, x.site.group
	dead := group.Doubt(failed)
	p := group.TryAcquire(pool.Wish{Pin: x.story.pin, Avoid: failed})
	if p != nil {
		group.Release(p, pool.Unanswered)
	}
	if p != failed {
		return
	}
	select {
	case <-dead:
	case <-time.After(dyingTime):
	}
}

// Silent is told that nothing has come of the request for hang_after.
func (x *exchange) Silent() { x.loan.silent(x.site.terms.Silence) }

// stalled replaces a process that may never be free again.
func (x *exchange) stalled() {
	if !x.site.unlimited() {
		x.loan.group.Recycle(x.loan.proc, "answer_stall passed")
	}
}

// appReply makes a reply of the answer whose head has come.
func (x *exchange) appReply() *reply {
	head := x.ask.Head()
	r, h := &x.reply, &x.reply.head
	h.Status, h.Reason, h.Fields, h.Added, h.HasDate = head.Status, head.Reason, head.Fields, nil, head.HasDate
	if x.site.pins != nil {
		x.added = x.site.pins.fields(x.added[:0], x.loan.proc.Generation(), x.story.seen, x.origin.secure())
		h.Added = x.added
	}
	if x.site.buffers.direct(x.req, head) {
		x.call.Unbuffered()
	}
	r.length, r.content, r.upgrade, r.endless = head.Length, (*appContent)(x), head.Status == 101, false
	if head.Bodiless && !head.Announced {
		r.length = -1
	}
	if head.EventStream && !head.Bodiless {
		r.content, r.endless = newEventStream(x, r.length < 0), true
	}
	return r
}
