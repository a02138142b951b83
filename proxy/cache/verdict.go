package cache

import (
	"time"

	"purser/proxy/wire"
)

// A Verdict says what may be done with an entry.
type Verdict uint8

const (
	Ask           Verdict = iota // the app must be asked
	AskAgain                     // the app must be asked, as who asks wants it so
	Use                          // it may be given
	UseAndRefresh                // it may be given, and the app is to be asked beside it
)

// Wishes are what a request says about stored answers (RFC 9111 section 5.2.1).
type Wishes struct{ control }

// WishesOf reads them. "Pragma: no-cache" is what HTTP/1.0 had (RFC 9111 section 5.4).
func WishesOf(request []wire.Field) Wishes {
	w := Wishes{controlOf(request)}
	if !w.said {
		if pragma := get(request, wire.Pragma); pragma != nil {
			eachDirective(pragma, func(name, _ []byte, _ bool) { w.noCache = w.noCache || wire.EqualFold(name, "no-cache") })
		}
	}
	return w
}

// OnlyIfCached reports whether the app must not be asked.
func (w *Wishes) OnlyIfCached() bool { return w.onlyIfCached }

// NoStore reports whether nothing of the request may be stored.
func (w *Wishes) NoStore() bool { return w.noStore }

// Fresh reports whether an answer is wanted that was made for this request.
func (w *Wishes) Fresh() bool { return w.noCache }

// Defaults are how long stale answers may be used that do not say it; 0 = not at all.
type Defaults struct{ WhileRevalidate, IfError time.Duration }

// Judge says whether a request may be answered with an entry (RFC 9111 section 4).
func (e *Entry) Judge(w *Wishes, d Defaults, now int64) Verdict {
	age, left := e.Age(now), e.Left(now)
	switch {
	case e.control.noCache:
		return Ask
	case w.noCache, w.maxAge != unsaid && age > w.maxAge, w.minFresh != unsaid && left < w.minFresh:
		return AskAgain
	case left > 0:
		return Use
	case e.staleFor(left, e.control.whileRevalidate, d.WhileRevalidate):
		return UseAndRefresh
	case w.maxStale != unsaid && -left <= w.maxStale && !e.strict():
		return Use
	}
	return Ask
}

// InError reports whether it may be given in place of an error, though it is stale (RFC 5861 section 4).
func (e *Entry) InError(d Defaults, now int64) bool {
	return !e.control.noCache && e.staleFor(e.Left(now), e.control.ifError, d.IfError)
}

// strict reports whether it must never be used when it is stale. s-maxage says so, too (RFC 9111 section 5.2.2.10).
func (e *Entry) strict() bool { return e.control.mustRevalidate || e.control.sharedMaxAge != unsaid }

// staleFor reports whether it may be used that stale: as it says itself, or as the configuration says where it says
// nothing. What it says itself holds beside s-maxage: who writes both means it so.
func (e *Entry) staleFor(left, said, otherwise time.Duration) bool {
	switch {
	case e.control.mustRevalidate:
		return false
	case said != unsaid:
		return -left < said
	}
	return otherwise > 0 && -left < otherwise && !e.strict()
}
