package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"purser/pool"
	"purser/proxy/cache"
	"purser/proxy/wire"
)

// toCache looks at what the app has answered: it is stored while it passes, or tells that what is stored is still so, or
// that it is not any more.
func toCache(x *exchange, r *reply, err error) (*reply, error) {
	q := x.inquiry
	switch {
	case q.site != x.site: // it was given to another app
		q.endFlight(cache.GivenUp)
		return r, err
	case err != nil:
		return q.failed(err)
	case r.upgrade:
		q.endFlight(cache.GivenUp)
		return r, nil
	case q.passes:
		q.passed(r)
		return q.forwarded(r, ""), nil
	case x.story.appStatus == http.StatusNotModified && q.conditions:
		return q.confirmed(r)
	case q.entry != nil && isFault(r.head.Status) && q.entry.InError(q.cache.Defaults, x.clock.Exact()):
		return q.replace(r), nil
	}
	if q.keep(r) {
		return q.forwarded(r, "; stored"), nil
	}
	return q.forwarded(r, ""), nil
}

// isFault reports the statuses that stale-if-error is meant for (RFC 5861 section 4).
func isFault(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}

// failed answers a request that got no answer with what is stored, if that may be used so long.
func (q *inquiry) failed(err error) (*reply, error) {
	now := q.x.clock.Exact()
	if q.entry == nil || !standsInFor(err) || !q.entry.InError(q.cache.Defaults, now) {
		if gone(err) {
			q.endFlight(cache.GivenUp)
		}
		q.endFlight(cache.Failed)
		return nil, err
	}
	q.x.rejects.note(q.x, "a stored answer was sent in its place: "+err.Error())
	return q.standIn(0, now), nil
}

// replace gives up the app's answer, which is an error, and sends what is stored.
func (q *inquiry) replace(r *reply) *reply {
	q.x.dismiss(r)
	q.x.details.rate, q.x.details.charset = 0, nil // were meant for the error
	return q.standIn(q.x.story.status, q.x.clock.Exact())
}

// standsInFor reports whether a stored answer may be sent in place of an error, which is not ours to hide if it says
// that purser, or the app, is stopped.
func standsInFor(err error) bool {
	f := failureOf(err)
	return f.status >= 500 && !errors.Is(err, pool.ErrStopped) && !errors.Is(err, pool.ErrClosed) && f.reason != "stopping"
}

func (q *inquiry) standIn(status int, now int64) *reply {
	q.endFlight(cache.Failed)
	q.x.story.cached = hitStale
	q.appendForward(status)
	q.text = append(q.text, "; detail=stale-if-error"...)
	return q.reply(q.entry, now)
}

// confirmed answers with what is stored, as the app says that it is still so (RFC 9111 section 4.3.4). If it speaks of
// another state, it is asked for the whole.
func (q *inquiry) confirmed(r *reply) (*reply, error) {
	x := q.x
	fresh, store := q.entry.Freshened(q.answer(&r.head))
	x.story.status = http.StatusNotModified
	r.content.Close(nil) // there is none
	if fresh == nil {
		q.entry, q.conditions, x.origin.conditions = nil, false, nil
		r, err := x.appAnswer()
		return toCache(x, r, err)
	}
	x.story.cached = revalidated
	if store {
		q.store(fresh)
	} else {
		q.unsharable()
	}
	q.appendForward(http.StatusNotModified)
	return q.reply(fresh, x.clock.Exact()), nil
}

// keep has an answer stored while it passes, if it may be.
func (q *inquiry) keep(r *reply) bool {
	content, whole := r.content.(*appContent)
	if !whole || string(q.x.req.Method) != "GET" || q.wishes.NoStore() || r.length > q.cache.Most() {
		q.unsharable()
		return false
	}
	e := cache.NewEntry(q.answer(&r.head))
	if e == nil || !e.Held() || q.site.buffers.direct(q.x.req, q.x.ask.Head()) { // which comes as slowly as one client takes it
		q.unsharable()
	}
	if e == nil {
		return false
	}
	q.keeper = keeper{appContent: content, inquiry: q, entry: e}
	if r.length > 0 {
		e.Body = make([]byte, 0, r.length)
	}
	r.content = &q.keeper
	return true
}

// answer is the app's answer as the cache sees it.
func (q *inquiry) answer(head *wire.ResponseHead) *cache.Answer {
	now := q.x.clock.Exact()
	return &cache.Answer{Status: head.Status, Reason: head.Reason, Fields: head.Fields, Request: q.x.req.Fields,
		Generation: q.x.story.served.Generation(), Asked: q.asked, Now: now, Wall: q.x.clock.Wall(now)}
}

// passed drops what is stored if an answer says that it has been changed (RFC 9111 section 4.4).
func (q *inquiry) passed(r *reply) {
	method := string(q.x.req.Method)
	if method == "GET" || method == "HEAD" || method == "OPTIONS" || r.head.Status >= 400 {
		return
	}
	now := q.x.clock.Exact()
	q.cache.Drop(q.key, now)
	for i := range r.head.Fields {
		if f := &r.head.Fields[i]; wire.EqualFold(f.Name, "location") || wire.EqualFold(f.Name, "content-location") {
			if target := q.sameOrigin(string(f.Value)); target != nil {
				q.cache.Drop(q.x.origin.appendKey(nil, target), now)
			}
		}
	}
}

// sameOrigin returns the target that a reference means, nil if it leads to another host.
func (q *inquiry) sameOrigin(reference string) []byte {
	o := &q.x.origin
	base, err := url.Parse(string(o.scheme()) + "://" + string(o.forwardedHost()) + string(q.x.req.Path))
	if err != nil {
		return nil
	}
	to, err := base.Parse(reference)
	if err != nil || !bytes.EqualFold([]byte(to.Host), o.forwardedHost()) {
		return nil
	}
	return []byte(to.RequestURI())
}

// forwarded says that it is the app's answer, and why.
func (q *inquiry) forwarded(r *reply, more string) *reply {
	q.appendForward(r.head.Status)
	q.text = append(q.text, more...)
	q.added = append(append(q.added[:0], r.head.Added...), wire.Field{Name: cacheStatusName, Value: q.text})
	r.head.Added = q.added
	return r
}

// appendForward writes that the app was asked, and what it has answered if that is not what is sent (RFC 9211 section
// 2.3).
func (q *inquiry) appendForward(status int) {
	q.text = append(append(q.text[:0], "purser; fwd="...), q.why...)
	if status != 0 && q.entry != nil {
		q.text = strconv.AppendInt(append(q.text, "; fwd-status="...), int64(status), 10)
	}
	if q.shared {
		q.text = append(q.text, "; collapsed"...)
	}
}
