package proxy

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"purser/pool"
	"purser/proxy/cache"
	"purser/proxy/wire"
)

// An inquiry is what an exchange has to do with the cache of its site.
type inquiry struct {
	x          *exchange
	site       *site
	cache      *cache.Cache
	key        []byte
	wishes     cache.Wishes
	asked      int64         // when the app was, or would have been
	entry      *cache.Entry  // what is stored, and may not be used as it is; nil = nothing
	conditions bool          // the app is asked whether that is still so
	flight     *cache.Flight // that ends with this exchange; nil = none
	shared     bool          // it has waited for another's answer
	passes     bool          // it is nothing for the cache
	why        string        // the app is asked (RFC 9211 section 2.2)
	keeper     keeper
	content    storedContent
	fields     []wire.Field // memory
	added      []wire.Field
	text       []byte
}

var inquiries = sync.Pool{New: func() any { return &inquiry{} }}

var (
	errNotStored = errors.New("the client wants a stored answer or none, and none is stored that may be used")
	errReplaced  = errors.New("a stored answer is sent in its place")
)

// fromCache answers with what the site's cache has stored, if that may be used. Else it is known what the app's answer
// will be stored as, and who waits for it.
func fromCache(x *exchange) (*reply, error) {
	if x.site.cache == nil {
		return nil, nil
	}
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
		x.story.cached = "miss"
	}
	return r, err
}

func (q *inquiry) pass(why string) (*reply, error) {
	q.why, q.passes = why, true
	return nil, nil
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
		switch ending, err := q.await(flight, now); {
		case err != nil:
			return nil, err
		case ending == cache.Failed && q.entry != nil && q.entry.InError(q.cache.Defaults, now):
			return q.standIn(0, now), nil
		case ending == cache.Failed || ending == cache.Unsharable:
			q.asked = q.x.clock.Exact()
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

// hit makes the reply that a stored answer is.
func (q *inquiry) hit(e *cache.Entry, now int64) *reply {
	left := e.Left(now)
	q.cache.Hits.Add(1)
	q.x.story.cached = "hit"
	if left <= 0 {
		q.cache.Stale.Add(1)
		q.x.story.cached = "stale"
	}
	q.text = strconv.AppendInt(append(q.text[:0], "purser; hit; ttl="...), int64(left/time.Second), 10)
	return q.reply(e, now)
}

// reply makes the reply that an entry is for this request; what becomes Cache-Status lies in q.text.
func (q *inquiry) reply(e *cache.Entry, now int64) *reply {
	r, part := &q.x.reply, e.PartFor(q.x.req)
	r.begin(part.Status)
	if part.Status == e.Status {
		r.head.Reason = e.Reason
	}
	q.fields = append(q.fields[:0], e.Fields...)
	r.head.Fields, r.head.HasDate = q.fields, true
	status := len(q.text)
	q.text = strconv.AppendInt(q.text, int64(e.Age(now)/time.Second), 10)
	q.added = append(q.added[:0], wire.Field{Name: ageName, Value: q.text[status:]}, wire.Field{Name: cacheStatusName, Value: q.text[:status:status]})
	switch part.Status {
	case http.StatusNotModified:
		dropDescription(q.fields)
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		q.added = append(q.added, wire.Field{Name: contentRangeName, Value: contentRange(part, len(e.Body))})
	}
	r.head.Added = q.added
	if part.Status != http.StatusNotModified && part.Status != http.StatusNoContent {
		r.length = int64(part.To - part.From)
	}
	if !q.x.req.IsHead() && part.To > part.From {
		q.content = storedContent{rest: e.Body[part.From:part.To]}
		r.content = &q.content
	}
	return r
}

var (
	ageName          = []byte("Age")
	cacheStatusName  = []byte("Cache-Status")
	contentRangeName = []byte("Content-Range")
)

// dropDescription drops what a 304 needs not say of the content that the client has (RFC 9110 section 15.4.5).
func dropDescription(fields []wire.Field) {
	for i := range fields {
		switch f := &fields[i]; f.ID {
		case wire.ContentType, wire.ContentEncoding, wire.ContentLength:
			f.Drop = true
		}
	}
}

func contentRange(p cache.Part, size int) []byte {
	b := []byte("bytes ")
	if p.Status == http.StatusPartialContent {
		b = append(strconv.AppendInt(b, int64(p.From), 10), '-')
		b = strconv.AppendInt(b, int64(p.To-1), 10)
	} else {
		b = append(b, '*')
	}
	return strconv.AppendInt(append(b, '/'), int64(size), 10)
}

// end lets those go who wait for an answer that does not come, and forgets.
func (q *inquiry) end() {
	q.endFlight(cache.GivenUp)
	q.x.inquiry = nil
	clear(q.fields)
	*q = inquiry{key: q.key, fields: q.fields[:0], added: q.added[:0], text: q.text[:0]}
	inquiries.Put(q)
}

func (q *inquiry) endFlight(e cache.Ending) {
	if f := q.flight; f != nil {
		q.flight = nil
		f.End(e, q.x.clock.Exact())
	}
}

// appendKey appends what an answer is stored under: the target, and all that the app is told about the origin and may
// write into what it answers. What a stranger says of it is not told.
func (o *origin) appendKey(b, target []byte) []byte {
	b = append(append(b, target...), 0)
	b = append(append(b, o.scheme()...), 0)
	from := len(b)
	b = append(b, o.forwardedHost()...)
	copy(b[from:], bytes.ToLower(b[from:]))
	b = append(append(b, 0), o.port()...)
	if !o.peer.Trusted || !o.req.Forwarded {
		return b
	}
	for i := range o.req.Fields {
		if f := &o.req.Fields[i]; f.Forwarded() && !rewritten(f.ID) && f.ID != wire.XRequestStart {
			b = append(append(append(append(b, 0), f.Name...), ':'), f.Value...)
		}
	}
	return b
}

// standsInFor reports whether a stored answer may be sent in place of an error, which is not ours to hide if it says
// that purser, or the app, is stopped.
func standsInFor(err error) bool {
	f := failureOf(err)
	return f.status >= 500 && !errors.Is(err, pool.ErrStopped) && !errors.Is(err, pool.ErrClosed) && f.reason != "stopping"
}
