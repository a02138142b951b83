package proxy

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"purser/proxy/cache"
	"purser/proxy/wire"
)

// hit makes the reply that a stored answer is.
func (q *inquiry) hit(e *cache.Entry, now int64) *reply {
	left := e.Left(now)
	q.cache.Hits.Add(1)
	q.x.story.cached = hit
	if left <= 0 {
		q.cache.Stale.Add(1)
		q.x.story.cached = hitStale
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
	if e.HasTerms {
		q.x.heedTerms(q.fields)
	}
	status := len(q.text)
	q.text = strconv.AppendInt(q.text, int64(e.Age(now)/time.Second), 10)
	q.added = append(q.added[:0], wire.Field{Name: ageName, Value: q.text[status:]}, wire.Field{Name: cacheStatusName, Value: q.text[:status:status]})
	switch part.Status {
	case http.StatusNotModified:
		dropDescription(q.fields)
	case http.StatusRequestedRangeNotSatisfiable:
		dropTerms(q.fields)
		fallthrough
	case http.StatusPartialContent:
		q.added = append(q.added, wire.Field{Name: contentRangeName, Value: wire.AppendContentRange(nil, wire.ByteRange{From: int64(part.From), N: int64(part.To - part.From)}, int64(len(e.Body)))})
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

// dropTerms drops what is said of the page, and not of a 416: above all how long it may be kept. A cache before us would
// give the 416 to all who ask for the page.
func dropTerms(fields []wire.Field) {
	dropDescription(fields)
	for i := range fields {
		f := &fields[i]
		f.Drop = f.Drop || f.ID == wire.CacheControl || f.ID == wire.Expires || wire.EqualFold(f.Name, "etag") || wire.EqualFold(f.Name, "last-modified") ||
			wire.EqualFold(f.Name, "cdn-cache-control") || wire.EqualFold(f.Name, "surrogate-control")
	}
}

// A storedContent is content of the cache. What is long goes out in pieces, with a pause behind each, in which it is
// sent: only so much is gathered.
type storedContent struct {
	rest  []byte
	pause bool
}

// storedPiece is how much of it is sent at once.
const storedPiece = 32 << 10

func (s *storedContent) Next() ([]byte, error) {
	switch {
	case len(s.rest) == 0:
		return nil, io.EOF
	case s.pause:
		s.pause = false
		return nil, nil
	}
	data := s.rest[:min(len(s.rest), storedPiece)]
	s.rest, s.pause = s.rest[len(data):], true
	return data, nil
}

func (s *storedContent) Wait()                  {}
func (s *storedContent) Trailers() []wire.Field { return nil }
func (s *storedContent) Close(error)            {}
