package proxy

import (
	"errors"

	"purser/pool"
	"purser/proxy/client"
	"purser/proxy/spool"
	"purser/proxy/upstream"
	"purser/proxy/wire"
)

// outcomeOf says what the failure of a request tells about the code that was to answer it. What a client
// can bring about alone tells nothing.
func outcomeOf(err error) pool.Outcome {
	for _, unclear := range []error{upstream.ErrGone, client.ErrGone, upstream.ErrRefused, upstream.ErrUnsent,
		upstream.ErrNoLink, upstream.ErrBacklog, spool.ErrFull, spool.ErrUnread, errNotMeasured, errNotKept, errSlowClient, errDismissed} {
		if errors.Is(err, unclear) {
			return pool.Unclear
		}
	}
	if _, ours := errors.AsType[*spool.Error](err); ours || ofClient(err) {
		return pool.Unclear
	}
	return pool.Erred
}

// ofClient reports whether a request ended as its client gave no whole body, while that was sent on.
func ofClient(err error) bool {
	for _, its := range []error{client.ErrBodyCut, client.ErrBodySlow, client.ErrBodyTooLarge, client.ErrStopping} {
		if errors.Is(err, its) {
			return true
		}
	}
	malformed, is := errors.AsType[*wire.Error](err)
	return is && malformed.Side == wire.ByClient
}

// outcomeWithout is outcomeOf a request of whose answer nothing has come.
func outcomeWithout(err error) pool.Outcome {
	if o := outcomeOf(err); o != pool.Unclear {
		return o
	}
	return pool.Unanswered
}

// long is more than some servers take of a head, or read at once of a body.
const long = 4 << 10

// tooLong reports whether a failure may be that the request is longer than the app's server takes. Some
// end the connection then without an answer, with the rest of a body unread. Any client can bring that
// about. That the process has died is noticed elsewhere.
func tooLong(x *exchange, err error) bool {
	head := len(x.req.Target)
	for i := range x.req.Fields {
		head += len(x.req.Fields[i].Name) + len(x.req.Fields[i].Value)
	}
	return errors.Is(err, upstream.ErrNoAnswer) && head > long || errors.Is(err, upstream.ErrUnread) && x.body.Size() > long
}

// outcomeOfAnswer says what an answer tells, which may have been cut short. 501 and 505 are how apps
// answer methods and versions that clients made up.
func outcomeOfAnswer(status int, err error) pool.Outcome {
	switch {
	case status == 501 || status == 505:
		return pool.Unclear
	case status >= 500:
		return pool.Erred
	case err != nil:
		return outcomeOf(err)
	}
	return pool.Worked
}

// gone reports whether an error means that the client takes no more.
func gone(err error) bool { return errors.Is(err, upstream.ErrGone) || errors.Is(err, client.ErrGone) }
