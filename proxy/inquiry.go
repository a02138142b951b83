package proxy

import (
	"errors"
	"sync"

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

// A use is what became of a request by its site's cache.
type use uint8

const (
	notAsked use = iota
	missed
	revalidated // the app was asked whether what is stored is still so
	hit
	hitStale
)

func (u use) String() string { return [...]string{"", "miss", "revalidated", "hit", "stale"}[u] }

var inquiries = sync.Pool{New: func() any { return &inquiry{} }}

var errNotStored = errors.New("the client wants a stored answer or none, and none is stored that may be used")

func (q *inquiry) pass(why string) (*reply, error) {
	q.why, q.passes = why, true
	return nil, nil
}

// end lets those go who wait for an answer that does not come, and forgets.
func (q *inquiry) end() {
	q.endFlight(cache.GivenUp)
	q.x.inquiry = nil
	clear(q.fields)
	*q = inquiry{key: q.key, fields: q.fields[:0], added: q.added[:0], text: q.text[:0]}
	inquiries.Put(q)
}

// store stores an entry, for those who wait for it first.
func (q *inquiry) store(e *cache.Entry) {
	if f := q.flight; f != nil {
		q.flight = nil
		f.Store(e, q.x.clock.Exact(), q.entry != nil)
		return
	}
	q.cache.Store(q.key, e)
}

// unsharable lets those go who wait, as the answer is for one, and has the next ones not wait.
func (q *inquiry) unsharable() {
	if q.flight == nil {
		q.cache.StayApart(q.key, q.x.clock.Exact())
	}
	q.endFlight(cache.Unsharable)
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
	for i, c := range b[from:] {
		if c >= 'A' && c <= 'Z' {
			b[from+i] += 'a' - 'A'
		}
	}
	b = append(append(b, 0), o.port()...)
	if !o.peer.Trusted || !o.req.Forwarded {
		return b
	}
	if said, _ := o.saidHost(); said != nil { // beside it the app sees what the proxy has asked us for
		b = append(append(b, 0), o.req.Host...)
	}
	for i := range o.req.Fields {
		if f := &o.req.Fields[i]; f.Forwarded() && !o.rewrites(f.ID) && f.ID != wire.XRequestStart {
			b = append(append(append(append(b, 0), f.Name...), ':'), f.Value...)
		}
	}
	return b
}
