package proxy

import (
	"errors"
	"time"

	"purser/pool"
)

// maxTries is how often a request is tried again at most: each process that refuses a connection is
// replaced, so that there is another soon.
const maxTries = 10

// dyingTime is how long a process that ends its connections may take to end itself.
const dyingTime = 50 * time.Millisecond

// mayRetry reports whether a process may be asked again. RFC 9110 section 9.2.2: what was sent may be
// sent again only if the method is idempotent; we do that once, unless we have cut the request ourselves.
func (x *exchange) mayRetry(err error, tries int) bool {
	switch {
	case tries == maxTries:
		return false
	case errors.Is(err, errRefused), errors.Is(err, errUnsent):
		return true
	}
	return errors.Is(err, errNoAnswer) && x.req.Idempotent() && !x.resent && !x.overdue(err)
}

// overdue reports whether the process was asked to exit in the middle of the request: then the request
// had had all the time that a drain gives, and would only take as long again. Not so if the process had
// not even read it: it hung before it came to that.
func (x *exchange) overdue(err error) bool {
	return x.served.Dismissed() && !errors.Is(err, errUnread)
}

// outlive sees to it that the retry does not go to a process that is dying. One that is killed ends
// its connections a moment before anybody can know that it is dead; if it is the only one, its fate is
// awaited.
func (x *exchange) outlive() {
	x.resent = true
	gone := x.site.group.Doubt(x.served)
	p := x.site.group.TryAcquire(pool.Wish{Pin: x.pin, Avoid: x.served})
	if p != nil {
		x.site.group.Release(p, pool.Unclear)
	}
	if p != x.served {
		return
	}
	select {
	case <-gone:
	case <-time.After(dyingTime):
	}
}
