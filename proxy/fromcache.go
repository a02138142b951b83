package proxy

import (
	"context"
	"time"

	"purser/proxy/cache"
	"purser/proxy/wire"
)

// fromCache answers with what the site's cache has stored, if that may be used. Else it is known what the app's answer
// will be stored as, and who waits for it.
func fromCache(x *exchange) (*reply, error) {
	q := inquiries.Get().(*inquiry)
	x.inquiry = q
	q.x, q.site, q.cache, q.asked = x, x.site, x.site.cache, x.call.Began()
	q.cache.Serves(x.site.group.Leads())
	q.key = x.origin.appendKey(q.key[:0], x.req.Target)
	switch get := string(x.req.Method) == "GET"; {
	case !get && !x.req.IsHead():
		return q.pass("method")
	case x.req.Length != 0, x.req.WebSocketKey != nil, x.req.Get(wire.Authorization) != nil:
		return q.pass("bypass")
	}
	q.wishes = cache.WishesOf(x.req.Fields)
	r, err := q.find()
	if r == nil {
		q.cache.Misses.Add(1)
		x.story.cached = missed
		return nil, err
	}
	return intercepted(x, r), nil
}

// find looks for an answer, and again when another's has come that was waited for.
func (q *inquiry) find() (*reply, error) {
	for now := q.asked; ; now = q.x.clock.Exact() {
		r, verdict := q.look(now)
		if r != nil {
			return r, nil
		}
		if q.wishes.OnlyIfCached() {
			return nil, errNotStored
		}
		if !q.mayShare(verdict) {
			q.prepare()
			return nil, nil
		}
		flight, leads := q.cache.Join(q.key, q.x.req.Fields, now)
		if flight == nil || leads {
			q.flight, q.asked = flight, now
			q.prepare()
			return nil, nil
		}
		ending, err := q.await(flight, now)
		now = q.x.clock.Exact()
		switch {
		case err != nil:
			return nil, err
		case ending == cache.Stored:
			if e := flight.Answer(q.x.req.Fields); e != nil && e.Judge(&q.wishes, q.cache.Defaults, now) == cache.Use {
				return q.hit(e, now), nil
			}
		case ending == cache.Failed && q.entry != nil && q.entry.InError(q.cache.Defaults, now):
			return q.standIn(0, now), nil
		case ending == cache.Failed || ending == cache.Unsharable:
			q.asked = now
			q.prepare()
			return nil, nil
		}
	}
}

// look returns the reply that what is stored is, or why it is none.
func (q *inquiry) look(now int64) (*reply, cache.Verdict) {
	e, known := q.cache.Find(q.key, q.x.req.Fields)
	if q.entry = e; e == nil {
		if q.why = "uri-miss"; known {
			q.why = "vary-miss"
		}
		return nil, cache.Ask
	}
	verdict := e.Judge(&q.wishes, q.cache.Defaults, now)
	switch verdict {
	case cache.UseAndRefresh:
		q.refresh(now)
		return q.hit(e, now), verdict
	case cache.Use:
		return q.hit(e, now), verdict
	case cache.AskAgain:
		q.why = "request"
	default:
		q.why = "stale"
	}
	return nil, verdict
}

// mayShare reports whether one answer may do for this request and others: it must be about the whole of the page, which
// it is where what is stored can be asked for.
func (q *inquiry) mayShare(v cache.Verdict) bool {
	r := q.x.req
	switch {
	case v == cache.AskAgain, q.wishes.NoStore(), r.IsHead():
		return false
	case q.entry != nil:
		return q.entry.Held() && (q.entry.Validates() || !conditional(r))
	}
	return !conditional(r)
}

// conditional reports whether a request may be answered with less than the whole.
func conditional(r *wire.Request) bool {
	for i := range r.Fields {
		if isCondition(r.Fields[i].ID) {
			return true
		}
	}
	return false
}

func isCondition(id wire.FieldID) bool {
	switch id {
	case wire.IfMatch, wire.IfNoneMatch, wire.IfModifiedSince, wire.IfUnmodifiedSince, wire.IfRange, wire.Range:
		return true
	}
	return false
}

// longestShare is how long a request waits for another's answer where queue_timeout sets no limit.
const longestShare = time.Minute

// await waits for what comes of another's request: nothing that can be shared, if it takes too long. A client that leaves
// waits no longer.
func (q *inquiry) await(f *cache.Flight, now int64) (cache.Ending, error) {
	q.shared = true
	limit := q.site.app.QueueTimeout
	if limit == 0 {
		limit = longestShare
	}
	limit -= time.Duration(now - q.x.call.Began())
	late := time.NewTimer(limit)
	defer late.Stop()
	ctx, end := q.x.call.Present()
	defer end()
	select {
	case <-f.Done():
		return f.Ending(), nil
	case <-late.C:
		return cache.Unsharable, nil
	case <-ctx.Done():
		return cache.Unsharable, context.Cause(ctx)
	}
}

// prepare has the app asked whether what is stored is still so (RFC 9111 section 4.3.1). The conditions of the client
// are judged by what comes of that.
func (q *inquiry) prepare() {
	r := q.x.req
	if q.entry == nil || !q.entry.Validates() || r.IsHead() {
		return
	}
	for i := range r.Fields {
		if f := &r.Fields[i]; isCondition(f.ID) {
			f.Drop = true
		}
	}
	q.conditions = true
	q.x.origin.conditions = q.entry.AppendConditions(q.x.origin.conditions[:0])
}
