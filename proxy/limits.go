package proxy

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"purser/conf"
)

// limits are what requests for some paths of an app may ask for. A nil one limits nothing.
type limits struct{ all []pathLimit } // the longest path first

// newLimits goes on with what was counted before for a limit that is the same.
func newLimits(written []conf.PathLimit, before *site) *limits {
	if len(written) == 0 {
		return nil
	}
	l := &limits{}
	for _, w := range written {
		l.all = append(l.all, newPathLimit(w, before))
	}
	slices.SortStableFunc(l.all, func(a, b pathLimit) int { return len(b.stem) - len(a.stem) })
	return l
}

// A rateError says that a client has asked too often.
type rateError struct {
	limit *pathLimit
	again time.Duration
}

func (e *rateError) Error() string {
	return fmt.Sprintf("more than %s came from this address for %s", e.limit.Rate, e.limit.Path)
}

// say adds what tells a program when it may ask again (RFC 9110 section 10.2.3, and RateLimit and RateLimit-Policy of
// draft-ietf-httpapi-ratelimit-headers-10). A policy's name is the path of its limit, which has no character that a
// string of RFC 9651 would have to escape but the quote.
func (e *rateError) say(r *reply) {
	name, seconds := strconv.Quote(e.limit.Path), strconv.FormatInt(int64((e.again+time.Second-1)/time.Second), 10)
	r.add("Retry-After", seconds)
	r.add("RateLimit-Policy", fmt.Sprintf("%s;q=%d;w=%d", name, e.limit.Rate.Count, int64(e.limit.Rate.Per/time.Second)))
	r.add("RateLimit", name+";r=0;t="+seconds)
}

// admit counts a request by all limits that are meant for its path. The error is a *rateError.
func (l *limits) admit(x *exchange) error {
	if l == nil {
		return nil
	}
	return l.count(x)
}

// count tells who is refused by several limits of the one that he has to wait for longest, and what is refused by one is
// not counted by the others.
func (l *limits) count(x *exchange) error {
	var memory [128]byte
	var key [keyLength]byte
	var few [8]*pathLimit
	var refused rateError
	path, now, counted := plainPath(memory[:0], x.req), x.clock.Exact(), few[:0]
	for i := range l.all {
		limit := &l.all[i]
		if limit.table == nil || !limit.means(path) {
			continue
		}
		switch v := limit.table.Take(limit.appendKey(key[:0], x, path), now); {
		case v.OK:
			counted = append(counted, limit)
		case refused.limit == nil || v.Again > refused.again:
			refused = rateError{limit, v.Again}
		}
	}
	if refused.limit == nil {
		return nil
	}
	for _, limit := range counted {
		limit.table.Return(limit.appendKey(key[:0], x, path))
	}
	x.slowDown(refused.again)
	return &rateError{refused.limit, refused.again}
}

const (
	longestSlow = 250 * time.Millisecond
	mostSlowed  = 1000 // at once, or they would take much memory
)

// slowDown has a client that asked too often wait for its refusal, so that it cannot ask as fast as it is refused: a
// client that does nothing else would have the processors for itself.
func (x *exchange) slowDown(again time.Duration) {
	defer x.slowed.Add(-1)
	if x.slowed.Add(1) > mostSlowed {
		return
	}
	present, end := x.call.Present()
	defer end()
	over := time.NewTimer(min(again, longestSlow))
	defer over.Stop()
	select {
	case <-over.C:
	case <-present.Done():
	}
}

// maxBody is how large the body of a request may be: what the longest path says that says anything, else the app. The
// path is the one that was asked for, also where the request has been rewritten: by that its rate was counted, too.
func (l *limits) maxBody(x *exchange) int64 {
	if l == nil {
		return x.site.app.MaxBody
	}
	var memory [128]byte
	path := plainPath(memory[:0], x.call.Request())
	for i := range l.all {
		if limit := &l.all[i]; limit.MaxBody.Set && limit.means(path) {
			return limit.MaxBody.Value
		}
	}
	return x.site.app.MaxBody
}
